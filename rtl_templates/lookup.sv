// Lookup: out = table[fold][lane][x - FIRST]; every lane reads an address of its own, in its own copy of the memory.
// D = 3: 1 address, 2 memory read, 3 its output register.
module hwsv_lookup #(
    parameter int     LANES       = 1,
    parameter int     ENTRIES     = 2,
    parameter         FIRST       = 0,
    parameter int     X_BITS      = 1,
    parameter int     X_KIND      = 0,   // hwsv_element
    parameter int     OUT_BITS    = 8,
    parameter int     SHARED      = 0,   // 1: the table of one lane serves all
    parameter         TABLE_FILE  = "",  // word [fold * ENTRIES + entry]: the entries of all lanes side by side
    parameter int     TABLE_BITS  = 8,
    parameter int     TABLE_DEPTH = 2,
    parameter int     TABLE_BLOCK = 0
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic [               0:0] in_valid,
    input  logic [  LANES*X_BITS-1:0] in_data,
    output logic [               0:0] in_pop,
    input  logic [               0:0] out_credit,
    output logic [               0:0] out_issue,
    output logic [               0:0] out_push,
    output logic [LANES*OUT_BITS-1:0] out_data
);
  if (LANES < 1 || ENTRIES < 1) begin : bad_lanes
    $error("lookup: LANES and ENTRIES must be at least 1");
  end
  if (TABLE_BITS != (SHARED != 0 ? 1 : LANES) * OUT_BITS || TABLE_DEPTH % ENTRIES != 0) begin : bad_table
    $error("lookup: the memory must hold ENTRIES words a fold, one element a lane");
  end

  logic issue;
  assign issue = in_valid[0] && out_credit[0];
  assign in_pop = issue;
  assign out_issue = issue;
  logic arrives;
  hwsv_delay #(.CYCLES(2)) results (.clk, .rst, .d(issue), .q(arrives));
  hwsv_delay pushes (.clk, .rst, .d(arrives), .q(out_push[0]));

  // Where x = 0 of this fold lies, modulo the address range: it steps by ENTRIES.
  localparam int ADDRESS_BITS = TABLE_DEPTH > 1 ? $clog2(TABLE_DEPTH) : 1;
  localparam logic [ADDRESS_BITS-1:0] START = -ADDRESS_BITS'(FIRST);
  localparam logic [ADDRESS_BITS-1:0] LAST = START + ADDRESS_BITS'(TABLE_DEPTH - ENTRIES);
  logic [ADDRESS_BITS-1:0] origin;
  always_ff @(posedge clk)
    if (rst) origin <= START;
    else if (issue) origin <= origin == LAST ? START : origin + ADDRESS_BITS'(ENTRIES);

  localparam int VALUE_BITS = X_BITS + 1 > ADDRESS_BITS ? X_BITS + 1 : ADDRESS_BITS;
  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    logic signed [VALUE_BITS-1:0] x;
    logic [ADDRESS_BITS-1:0] address1;
    logic [TABLE_BITS-1:0] row;
    hwsv_element #(.BITS(X_BITS), .KIND(X_KIND), .OUT_BITS(VALUE_BITS)) element (
        .code(in_data[lane*X_BITS+:X_BITS]), .value(x)
    );
    always_ff @(posedge clk) address1 <= ADDRESS_BITS'(signed'(VALUE_BITS'(origin)) + x);
    hwsv_rom #(
        .WIDTH(TABLE_BITS), .DEPTH(TABLE_DEPTH), .FILE(TABLE_FILE), .BLOCK(TABLE_BLOCK), .STAGES(1)
    ) entries (
        .clk, .address(address1), .data(row)
    );
    always_ff @(posedge clk)
      if (arrives) out_data[lane*OUT_BITS+:OUT_BITS] <= OUT_BITS'(row >> (SHARED != 0 ? 0 : lane * OUT_BITS));
  end
endmodule
