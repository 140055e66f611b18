// Maximum or sum over the taps of a window: TAPS x FOLDS words in, the last FOLDS of them push a result each.
// A marked (padded) word changes nothing. D = 3: two cycles to read the partial result, one to combine.
module hwsv_pool #(
    parameter int LANES              = 1,
    parameter int FOLDS              = 1,   // words of a pixel
    parameter int TAPS               = 4,
    parameter int MAXIMUM            = 0,   // 1: maximum, 0: sum
    parameter int MARKS              = 0,   // 1: words have a padding mark
    parameter int IN_BITS            = 8,
    parameter int IN_KIND            = 1,
    parameter int OUT_BITS           = 10,  // partial results have the output's type, too
    parameter int OUT_KIND           = 1,
    parameter int VALUE_BITS         = 10,  // signed, holds every input and output
    parameter int ACCUMULATORS_BLOCK = 0
) (
    input  logic                           clk,
    input  logic                           rst,
    input  logic [                    0:0] in_valid,
    input  logic [LANES*IN_BITS+MARKS-1:0] in_data,
    output logic [                    0:0] in_pop,
    input  logic [                    0:0] out_credit,
    output logic [                    0:0] out_issue,
    output logic [                    0:0] out_push,
    output logic [     LANES*OUT_BITS-1:0] out_data
);
  if (LANES < 1 || FOLDS < 1 || TAPS < 1) begin : bad_shape
    $error("pool: LANES, FOLDS and TAPS must be at least 1");
  end
  if (MARKS < 0 || MARKS > 1) begin : bad_marks
    $error("pool: MARKS must be 0 or 1");
  end

  localparam int FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int TAP_BITS = TAPS > 1 ? $clog2(TAPS) : 1;
  localparam logic signed [VALUE_BITS-1:0] LOWEST =
      IN_KIND == 0 ? '0 : IN_KIND == 1 ? VALUE_BITS'(-1) <<< (IN_BITS - 1) : VALUE_BITS'(-1);
  localparam logic signed [VALUE_BITS-1:0] START = MAXIMUM != 0 ? LOWEST : '0;

  // beats
  logic issue, last_fold, last_tap;
  logic [FOLD_BITS-1:0] fold;
  logic [TAP_BITS-1:0] tap;
  assign last_fold = fold == FOLD_BITS'(FOLDS - 1);
  assign last_tap = tap == TAP_BITS'(TAPS - 1);
  assign issue = in_valid[0] && (!last_tap || out_credit[0]);
  assign in_pop = issue;
  assign out_issue = issue && last_tap;
  logic combines;
  hwsv_delay #(.CYCLES(2)) results (.clk, .rst, .d(out_issue[0]), .q(combines));
  hwsv_delay pushes (.clk, .rst, .d(combines), .q(out_push[0]));

  always_ff @(posedge clk)
    if (rst) begin
      fold <= '0;
      tap  <= '0;
    end else if (issue) begin
      fold <= last_fold ? '0 : fold + 1'b1;
      if (last_fold) tap <= last_tap ? '0 : tap + 1'b1;
    end

  // read: two cycles, as long as the partial result takes
  typedef struct packed {
    logic update;
    logic first;
    logic padded;
    logic [LANES*IN_BITS-1:0] codes;
  } word_t;
  word_t read, arrived;
  logic mark;
  if (MARKS != 0) begin : marks
    assign mark = in_data[LANES*IN_BITS];
  end else begin : no_marks
    assign mark = 1'b0;
  end
  always_ff @(posedge clk) begin
    read    <= '{update: issue, first: tap == '0, padded: mark, codes: in_data[LANES*IN_BITS-1:0]};
    arrived <= read;
  end
  logic [LANES*OUT_BITS-1:0] stored, updated, unused_peek;
  hwsv_partials #(.WIDTH(LANES * OUT_BITS), .ROWS(FOLDS), .BLOCK(ACCUMULATORS_BLOCK)) accumulators (
      .clk, .row(fold), .peek(unused_peek), .word(stored), .update(arrived.update), .next(updated)
  );

  // combine
  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    logic signed [VALUE_BITS-1:0] x, earlier, partial, combined;
    hwsv_element #(.BITS(IN_BITS), .KIND(IN_KIND), .OUT_BITS(VALUE_BITS)) of_input (
        .code(arrived.codes[lane*IN_BITS+:IN_BITS]), .value(x)
    );
    hwsv_element #(.BITS(OUT_BITS), .KIND(OUT_KIND), .OUT_BITS(VALUE_BITS)) of_partial (
        .code(stored[lane*OUT_BITS+:OUT_BITS]), .value(earlier)
    );
    assign partial = arrived.first ? START : earlier;
    always_comb
      if (arrived.padded) combined = partial;
      else if (MAXIMUM != 0) combined = x > partial ? x : partial;
      else combined = partial + x;
    assign updated[lane*OUT_BITS+:OUT_BITS] = OUT_KIND == 2 ? OUT_BITS'(combined > 0) : OUT_BITS'(combined);
  end

  always_ff @(posedge clk) if (combines) out_data <= updated;
endmodule
