// What a channel is (docs/timing.md, "Channel"), beside rtl_templates/fifo.sv: `bad` is 0 in every reachable state.
//
// The surroundings are free: a producer that holds a credit issues when it likes and pushes any time later (so every
// pipeline depth D is covered, also D = 0), a consumer pops any visible word when it likes, and reset comes at any time.
// Proven, for ever:
//   credit == (words issued and not popped < DEPTH)                no overflow, and no credit is lost
//   valid == (words pushed LATENCY cycles ago and not popped > 0)  nothing is stuck, and the latency is the declared one
//   data == the next word in order, whenever valid                 no loss, no copy, order kept
// The last one by data independence: one word, any one, is 1, all others are 0, and the spec counts the words before it.
// `broken` says the same of the registers inside. It adds nothing to the claim, but with it every state follows from the
// one before, and the proof takes seconds instead of minutes.
module fifo_spec #(
    parameter int DEPTH   = 3,
    parameter int LATENCY = 1,
    parameter int BLOCK   = 0,
    parameter int HELD    = 0,  // the producer keeps its word until the next push
    parameter int HELP    = 1   // 0: the claim alone
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

  logic credit, valid, data, issue, push, pop, chosen, newest;
  always_ff @(posedge clk) if (push) newest <= chosen;
  hwsv_fifo #(.WIDTH(1), .DEPTH(DEPTH), .LATENCY(LATENCY), .BLOCK(BLOCK), .HELD(HELD)) dut (
      .clk, .rst, .credit, .issue, .push, .push_data(HELD != 0 && !push ? newest : chosen), .valid, .data, .pop
  );

  logic [BITS-1:0] issued, stored, visible, ahead;  // not popped: issued, pushed, visible; before the chosen one
  logic was_chosen, waiting, arrives;
  assign issue = want_issue && credit;
  assign push = want_push && (issued != stored || issue);
  assign pop = want_pop && valid;
  assign chosen = choose && !was_chosen;

  logic [BITS-1:0] late;  // pushed, not visible yet
  if (LATENCY == 1) begin : at_once
    assign arrives = push;
    assign late = '0;
  end else begin : later
    logic [LATENCY-2:0] pushed;
    assign arrives = pushed[LATENCY-2];
    always_ff @(posedge clk) pushed <= rst ? '0 : (LATENCY - 1)'({pushed, push});
    always_comb begin
      late = '0;
      for (int i = 0; i < LATENCY - 1; i++) late += BITS'(pushed[i]);
    end
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

  localparam int SUM_BITS = $clog2(2 * DEPTH) + 1;
  function automatic logic [SUM_BITS-1:0] place(logic [SUM_BITS-1:0] sum);  // modulo DEPTH
    return sum >= SUM_BITS'(DEPTH) ? sum - SUM_BITS'(DEPTH) : sum;
  endfunction

  logic broken, misplaced;
  logic [2*DEPTH-1:0] in_order;
  if (HELD != 0 && LATENCY == 1 && DEPTH <= 2) begin : held
    assign in_order = DEPTH == 1 ? (2 * DEPTH)'(newest) : (2 * DEPTH)'({newest, data});
    assign misplaced = 1'b0;
  end else begin : stored_words
    logic [DEPTH-1:0] memory;
    for (genvar i = 0; i < DEPTH; i++) begin : places
      if (LATENCY == 1 && DEPTH <= 2) assign memory[i] = dut.stored.registers.memory[i];
      else if (LATENCY == 1) assign memory[i] = dut.stored.lut_ram.memory[i];
      else if (BLOCK == 0) assign memory[i] = dut.stored.synchronous.words.lut_ram.memory[i];
      else assign memory[i] = dut.stored.synchronous.words.block_ram.memory[i];
    end
    assign in_order = {memory, memory} >> dut.stored.read_address;
    assign misplaced = SUM_BITS'(dut.stored.read_address) >= SUM_BITS'(DEPTH)
        || SUM_BITS'(dut.stored.write_address) != place(SUM_BITS'(dut.stored.read_address) + SUM_BITS'(stored));
  end
  always_comb begin
    broken = issued > BITS'(DEPTH) || stored > issued || stored != visible + late || (waiting && ahead >= stored)
        || (waiting && !was_chosen) || BITS'(dut.credits) != BITS'(DEPTH) - issued || BITS'(dut.count) != visible || misplaced;
    for (int i = 0; i < DEPTH; i++)
      if (BITS'(i) < stored && in_order[i] != (waiting && BITS'(i) == ahead)) broken = 1'b1;
  end

  assign bad = !rst && ((HELP != 0 && broken) || credit != (issued != BITS'(DEPTH)) || valid != (visible != '0)
      || (valid && data != (waiting && ahead == '0)));
endmodule
