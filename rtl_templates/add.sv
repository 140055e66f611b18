// Saturating sum of two integer streams: out = clip(MULT0 * a + MULT1 * b, LOW, HIGH) a lane. D = 2: add, saturate.
module hwsv_add #(
    parameter int LANES     = 1,
    parameter int A_BITS    = 8,
    parameter int A_KIND    = 1,
    parameter int B_BITS    = 8,
    parameter int B_KIND    = 1,
    parameter int OUT_BITS  = 8,
    parameter int SUM_BITS  = 9,    // signed, holds inputs, products, sums and both limits
    parameter int MULT0     = 1,
    parameter int MULT1     = 1,
    parameter int LOW       = -128,
    parameter int HIGH      = 127
) (
    input  logic                             clk,
    input  logic                             rst,
    input  logic [                      1:0] in_valid,
    input  logic [LANES*(A_BITS+B_BITS)-1:0] in_data,
    output logic [                      1:0] in_pop,
    input  logic [                      0:0] out_credit,
    output logic [                      0:0] out_issue,
    output logic [                      0:0] out_push,
    output logic [       LANES*OUT_BITS-1:0] out_data
);
  localparam logic signed [SUM_BITS-1:0] LOWEST = SUM_BITS'(LOW), HIGHEST = SUM_BITS'(HIGH);

  logic issue;
  assign issue = &in_valid && out_credit[0];
  assign in_pop = {2{issue}};
  assign out_issue = issue;

  logic summed;
  hwsv_delay sums (.clk, .rst, .d(issue), .q(summed));
  hwsv_delay #(.CYCLES(2)) pushes (.clk, .rst, .d(issue), .q(out_push));

  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    logic signed [SUM_BITS-1:0] a, b, sum;
    hwsv_element #(.BITS(A_BITS), .KIND(A_KIND), .OUT_BITS(SUM_BITS)) of_a (
        .code(in_data[lane*A_BITS+:A_BITS]), .value(a)
    );
    hwsv_element #(.BITS(B_BITS), .KIND(B_KIND), .OUT_BITS(SUM_BITS)) of_b (
        .code(in_data[LANES*A_BITS+lane*B_BITS+:B_BITS]), .value(b)
    );
    always_ff @(posedge clk) begin
      sum <= SUM_BITS'(MULT0) * a + SUM_BITS'(MULT1) * b;
      if (summed) out_data[lane*OUT_BITS+:OUT_BITS] <= OUT_BITS'(sum < LOWEST ? LOWEST : sum > HIGHEST ? HIGHEST : sum);
    end
  end
endmodule
