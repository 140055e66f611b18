// Channel: a FIFO of DEPTH words whose producer holds credits (docs/timing.md, "Channel").
//
// `credit` and `valid` come from registers: nothing passes through combinationally. A word pushed in cycle p is visible
// in cycle p + LATENCY; a word popped in cycle t gives its credit back in cycle t + 1.
// LATENCY 1: registers or LUT RAM, read asynchronously. LATENCY 2 and more: a RAM with registered output, which holds the next word;
// in block RAM (BLOCK 1) or LUTs.
module hwsv_fifo #(
    parameter int WIDTH   = 8,
    parameter int DEPTH   = 2,
    parameter int LATENCY = 1,
    parameter int BLOCK   = 0
) (
    input  logic             clk,
    input  logic             rst,
    // producer: takes a credit when it issues a beat, pushes the word when the beat leaves its pipeline
    output logic             credit,
    input  logic             issue,
    input  logic             push,
    input  logic [WIDTH-1:0] push_data,
    // consumer
    output logic             valid,
    output logic [WIDTH-1:0] data,
    input  logic             pop
);
  if (WIDTH < 1) begin : bad_width
    $error("fifo: WIDTH must be at least 1");
  end
  if (DEPTH < 1) begin : bad_depth
    $error("fifo: DEPTH must be at least 1");
  end
  if (LATENCY < 1) begin : bad_latency
    $error("fifo: LATENCY must be at least 1");
  end
  if (LATENCY == 1 && BLOCK != 0) begin : bad_block
    $error("fifo: block RAM needs LATENCY 2");
  end

  localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int COUNT_BITS = $clog2(DEPTH + 1);
  localparam logic [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(DEPTH - 1);

  logic [COUNT_BITS-1:0] credits, count;
  logic [ADDRESS_BITS-1:0] write_address, read_address;
  logic arrives;  // a pushed word becomes visible in the next cycle

  assign credit = credits != 0;
  assign valid  = count != 0;

  always_ff @(posedge clk)
    if (rst) begin
      credits       <= COUNT_BITS'(DEPTH);
      count         <= '0;
      write_address <= '0;
      read_address  <= '0;
    end else begin
      credits <= credits - COUNT_BITS'(issue) + COUNT_BITS'(pop);
      count   <= count + COUNT_BITS'(arrives) - COUNT_BITS'(pop);
      if (push) write_address <= write_address == LAST ? '0 : write_address + 1'b1;
      if (pop) read_address <= read_address == LAST ? '0 : read_address + 1'b1;
    end

  if (LATENCY == 1 && DEPTH <= 2) begin : registers  // a LUT RAM of any depth takes as much as one of 16 words
    (* ram_style = "registers" *) logic [WIDTH-1:0] memory[DEPTH];
    assign arrives = push;
    assign data    = memory[read_address];
    always_ff @(posedge clk) if (push) memory[write_address] <= push_data;
  end else if (LATENCY == 1) begin : lut_ram
    (* ram_style = "distributed" *) logic [WIDTH-1:0] memory[DEPTH];
    assign arrives = push;
    assign data    = memory[read_address];
    always_ff @(posedge clk) if (push) memory[write_address] <= push_data;
  end else begin : synchronous
    logic [LATENCY-2:0] pushed;  // pushes on their way to the read side
    logic [ADDRESS_BITS-1:0] next_address;
    assign arrives = pushed[LATENCY-2];
    assign next_address = !pop ? read_address : read_address == LAST ? '0 : read_address + 1'b1;
    always_ff @(posedge clk)
      if (rst) pushed <= '0;
      else pushed <= (LATENCY - 1)'({pushed, push});
    hwsv_ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .BLOCK(BLOCK)) words (
        .clk, .write(push), .write_address, .write_data(push_data), .read_address(next_address), .read_data(data)
    );
  end
endmodule
