// Length fork: tells every frame-aware unit how many frames of an utterance of T frames will reach it. D = 1.
//
// Output i is (T + ADDS[i]) / STRIDES[i] + BIASES[i]: all windows on its way in one division, done by an exact
// multiplication with the rounded-up reciprocal (a shift where the stride is a power of two).
module hwsv_length_fork #(
    parameter int                     COPIES  = 2,
    parameter logic [COPIES-1:0][31:0] ADDS    = {COPIES{32'd0}},
    parameter logic [COPIES-1:0][31:0] STRIDES = {COPIES{32'd1}},
    parameter logic [COPIES-1:0][31:0] BIASES  = {COPIES{32'd0}}
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic [          0:0] in_valid,
    input  logic [         15:0] in_data,
    output logic [          0:0] in_pop,
    input  logic [   COPIES-1:0] out_credit,
    output logic [   COPIES-1:0] out_issue,
    output logic [   COPIES-1:0] out_push,
    output logic [COPIES*16-1:0] out_data
);
  logic issue, pushed;
  assign issue = in_valid[0] && &out_credit;
  assign in_pop = issue;
  assign out_issue = {COPIES{issue}};
  assign out_push = {COPIES{pushed}};
  hwsv_delay pushes (.clk, .rst, .d(issue), .q(pushed));

  for (genvar i = 0; i < COPIES; i++) begin : copies
    // x / s = (x * m) >> n for all x < 2^b, with n = b + ceil(log2(s)) and m = ceil(2^n / s)
    localparam int LONGEST = 65535 + int'(ADDS[i]), BITS = LONGEST > 0 ? $clog2(LONGEST + 1) : 1;
    localparam int SHIFT = BITS + $clog2(STRIDES[i]);
    localparam longint RECIPROCAL = ((64'd1 << SHIFT) + 64'(STRIDES[i]) - 1) / 64'(STRIDES[i]);
    if (STRIDES[i] == 0 || BITS + SHIFT > 62) begin : bad_stride
      $error("length_fork: a stride is out of range");
    end
    if (LONGEST < 0) begin : bad_add
      $error("length_fork: no utterance is long enough");
    end
    logic [BITS-1:0] padded;
    assign padded = BITS'(32'(in_data) + ADDS[i]);
    always_ff @(posedge clk)
      if (issue) out_data[16*i+:16] <= 16'((64'(padded) * RECIPROCAL) >> SHIFT) + 16'(BIASES[i]);
  end
endmodule
