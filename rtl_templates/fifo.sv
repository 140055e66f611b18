// Channel: a FIFO of DEPTH words whose producer holds credits (docs/timing.md, "Channel").
//
// `credit` and `valid` come from registers: nothing passes through combinationally. A word pushed in cycle p is visible
// in cycle p + LATENCY; a word popped in cycle t gives its credit back in cycle t + 1.
// LATENCY 1: registers or LUT RAM, read asynchronously. LATENCY 2 and more: a RAM with registered output, which holds the next word;
// in block RAM (BLOCK 1) or LUTs.
// HELD 1: the producer keeps `push_data` until it pushes again, as units do: the newest of up to two words stays there.
module hwsv_fifo #(
    parameter int WIDTH   = 8,
    parameter int DEPTH   = 2,
    parameter int LATENCY = 1,
    parameter int BLOCK   = 0,
    parameter int HELD    = 0
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

  localparam int COUNT_BITS = $clog2(DEPTH + 1);
  typedef logic [COUNT_BITS-1:0] count_t;

  count_t credits, count;
  logic arrives;  // a pushed word becomes visible in the next cycle

  assign credit = credits != 0;
  assign valid  = count != 0;

  always_ff @(posedge clk)  // one up or down: half the logic of a sum of three
    if (rst) credits <= COUNT_BITS'(DEPTH);
    else if (issue != pop) credits <= credits + (pop ? count_t'(1) : '1);
  always_ff @(posedge clk)
    if (rst) count <= '0;
    else if (arrives != pop) count <= count + (pop ? '1 : count_t'(1));

  if (HELD != 0 && LATENCY == 1 && DEPTH <= 2) begin : held
    assign arrives = push;
    if (DEPTH == 1) begin : one
      assign data = push_data;
    end else begin : two  // the older word, before `push_data` may change
      always_ff @(posedge clk) if (pop || !valid) data <= push_data;
    end
  end else begin : stored
    localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam logic [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(DEPTH - 1);
    logic [ADDRESS_BITS-1:0] write_address, read_address;
    always_ff @(posedge clk)
      if (rst) begin
        write_address <= '0;
        read_address  <= '0;
      end else begin
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
  end
endmodule
