// Read-only memory with content from a $readmemh file; `data` follows `address` STAGES cycles later.
// BLOCK 1: block RAM; 0: LUTs. STAGES 2 registers the output once more, for speed: a block RAM's clock-to-out is long.
module hwsv_rom #(
    parameter int WIDTH  = 8,
    parameter int DEPTH  = 2,
    parameter     FILE   = "",
    parameter int BLOCK  = 0,
    parameter int STAGES = 2,
    localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic                    clk,
    input  logic [ADDRESS_BITS-1:0] address,
    output logic [       WIDTH-1:0] data
);
  if (STAGES < 1 || STAGES > 2) begin : bad_stages
    $error("rom: STAGES must be 1 or 2");
  end

  logic [WIDTH-1:0] word;

  if (BLOCK != 0) begin : block_ram
    (* ram_style = "block", rom_style = "block" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) word <= memory[address];
  end else begin : luts
    (* syn_romstyle = "logic" *) logic [WIDTH-1:0] memory[DEPTH];  // else yosys takes block RAM where it finds it smaller
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) word <= memory[address];
  end

  if (STAGES == 2) begin : registered
    always_ff @(posedge clk) data <= word;
  end else begin : direct
    assign data = word;
  end
endmodule
