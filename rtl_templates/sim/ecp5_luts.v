// LUTs as yosys' own cell, for `techmap`: `write_verilog` makes one expression of each, where an instance of yosys' model
// would be a module for every content.
(* techmap_celltype = "LUT4" *)
module hwsv_lut4 (input A, B, C, D, output Z);
  parameter INIT = 0;
  \$lut #(.WIDTH(4), .LUT(INIT)) lut (.A({D, C, B, A}), .Y(Z));
endmodule

(* techmap_celltype = "LUT2" *)
module hwsv_lut2 (input A, B, output Z);
  parameter INIT = 0;
  \$lut #(.WIDTH(2), .LUT(INIT)) lut (.A({B, A}), .Y(Z));
endmodule
