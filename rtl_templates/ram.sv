// Simple dual-port RAM: one write port, one read port whose `read_data` follows `read_address` one cycle later where
// `read` is set (always, where it is not connected), and else stays. A word written in cycle t is read from cycle t + 1
// on. BLOCK 1: block RAM; 0: LUT RAM.
module hwsv_ram #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2,
    parameter int BLOCK = 0,
    localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic                    clk,
    input  logic                    write,
    input  logic [ADDRESS_BITS-1:0] write_address,
    input  logic [       WIDTH-1:0] write_data,
    input  logic                    read = 1'b1,
    input  logic [ADDRESS_BITS-1:0] read_address,
    output logic [       WIDTH-1:0] read_data
);
  if (BLOCK != 0) begin : block_ram
    (* ram_style = "block" *) logic [WIDTH-1:0] memory[DEPTH];
    always_ff @(posedge clk) begin
      if (write) memory[write_address] <= write_data;
      if (read) read_data <= memory[read_address];
    end
  end else begin : lut_ram
    (* ram_style = "distributed" *) logic [WIDTH-1:0] memory[DEPTH];
    always_ff @(posedge clk) begin
      if (write) memory[write_address] <= write_data;
      if (read) read_data <= memory[read_address];
    end
  end
endmodule
