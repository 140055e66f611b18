// Stands for an accelerator in the tests of the shell: its "embedding" is a hash of the number of frames and of every
// feature word in its order. A lost, doubled or swapped word changes it.
module mixer #(
    parameter int FEATURE_BITS = 8,
    parameter int FRAME_WORDS  = 5,
    parameter int RESULT_BITS  = 16,
    parameter int RESULT_WORDS = 3
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [            15:0] length,
    input  logic                    length_valid,
    output logic                    length_ready,
    input  logic [FEATURE_BITS-1:0] feature,
    input  logic                    feature_valid,
    output logic                    feature_ready,
    output logic [ RESULT_BITS-1:0] result,
    output logic                    result_valid,
    input  logic                    result_ready
);
  logic [31:0] state, left;
  logic [7:0] words;
  logic [3:0] stall;
  logic busy;

  assign length_ready = !busy && words == 0;
  assign feature_ready = busy && left != 0 && stall == 0;
  assign result_valid = busy && left == 0 && stall == 0;
  assign result = RESULT_BITS'(state);

  always_ff @(posedge clk)
    if (rst) begin
      busy  <= 1'b0;
      words <= '0;
      stall <= '0;
    end else begin
      stall <= stall == 0 ? (feature_valid && feature_ready ? 4'd7 : 4'd0) : stall - 1'b1;
      if (length_valid && length_ready) begin
        busy  <= 1'b1;
        left  <= 32'(length) * FRAME_WORDS;
        state <= {length, ~length};
        words <= 8'(RESULT_WORDS);
      end
      if (feature_valid && feature_ready) begin
        left  <= left - 1;
        state <= {state[26:0], state[31:27]} ^ 32'(feature) + 32'h9E37_79B9;
      end
      if (result_valid && result_ready) begin
        words <= words - 1'b1;
        state <= {state[26:0], state[31:27]} + 32'h9E37_79B9;
        if (words == 1) busy <= 1'b0;
      end
    end
endmodule
