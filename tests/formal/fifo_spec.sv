// What a channel is (docs/timing.md, "Channel"), beside rtl_templates/fifo.sv: `bad` is never 1 in any reachable state.
//
// The surroundings are free: a producer that holds a credit issues when it likes and pushes any time later (so every
// pipeline depth D is covered, also D = 0), a consumer pops any visible word when it likes, and reset comes at any time.
// Proven, for ever:
//   credit == (words issued and not popped < DEPTH)               no overflow, and no credit is lost
//   valid == (words pushed LATENCY cycles ago and not popped > 0)  nothing stuck, and the declared latency
//   data == the next word in order, whenever valid                 no loss, no copy, order kept
// The last one by data independence: one word, any one, is 1, all others are 0, and the spec counts the words before it.
module fifo_spec #(
    parameter int DEPTH   = 3,
    parameter int LATENCY = 1,
    parameter int BLOCK   = 0
) (
    input  logic clk,
    input  logic reset,
    input  logic want_issue,
    input  logic want_push,
    input  logic want_pop,
    input  logic choose,
    output logic bad
);
  localparam int BITS = $clog2(DEPTH + 1) + 1;

  logic started = 1'b0, rst;
  always_ff @(posedge clk) started <= 1'b1;
  assign rst = reset || !started;

  logic credit, valid, data, issue, push, pop, chosen;
  hwsv_fifo #(.WIDTH(1), .DEPTH(DEPTH), .LATENCY(LATENCY), .BLOCK(BLOCK)) dut (
      .clk, .rst, .credit, .issue, .push, .push_data(chosen), .valid, .data, .pop
  );

  logic [BITS-1:0] issued, stored, visible, ahead;  // not popped: issued, pushed, visible; before the chosen one
  logic was_chosen, waiting, arrives;
  assign issue = want_issue && credit;
  assign push = want_push && (issued != stored || issue);
  assign pop = want_pop && valid;
  assign chosen = choose && !was_chosen;

  if (LATENCY == 1) begin : at_once
    assign arrives = push;
  end else begin : later
    logic [LATENCY-2:0] pushed;
    assign arrives = pushed[LATENCY-2];
    always_ff @(posedge clk) pushed <= rst ? '0 : (LATENCY - 1)'({pushed, push});
  end

  always_ff @(posedge clk)
    if (rst) begin
      {issued, stored, visible} <= '0;
      {was_chosen, waiting}     <= '0;
    end else begin
      issued  <= issued + BITS'(issue) - BITS'(pop);
      stored  <= stored + BITS'(push) - BITS'(pop);
      visible <= visible + BITS'(arrives) - BITS'(pop);
      if (push && chosen) begin
        was_chosen <= 1'b1;
        waiting    <= 1'b1;
        ahead      <= stored - BITS'(pop);
      end else if (pop && waiting) begin
        waiting <= ahead != '0;
        ahead   <= ahead - 1'b1;
      end
    end

  assign bad = !rst && (credit != (issued != BITS'(DEPTH)) || valid != (visible != '0)
      || (valid && data != (waiting && ahead == '0)));
endmodule
