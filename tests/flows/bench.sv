// Two shells with their mixers, in Verilator: a byte a feature word and two a result word, or (`wide`) three and four.
module bench (
    input  logic clk,
    input  logic rst,
    input  logic wide,
    input  logic rx,
    output logic tx,
    output logic [1:0] running,
    output logic [1:0] failed
);
  logic [1:0] sent;
  assign tx = sent[wide];

  for (genvar i = 0; i < 2; i++) begin : shells
    localparam int FEATURE_BYTES = i == 0 ? 1 : 3, RESULT_BYTES = i == 0 ? 2 : 4;
    logic core_rst, length_valid, length_ready, feature_valid, feature_ready, result_valid, result_ready;
    logic [15:0] length;
    logic [8*FEATURE_BYTES-1:0] feature;
    logic [8*RESULT_BYTES-1:0] result;

    hwsv_shell #(
        .DIVISOR(4), .FEATURE_BYTES(FEATURE_BYTES), .FRAME_WORDS(5), .FRAMES_MIN(2), .FRAMES_MAX(400),
        .RESULT_BYTES(RESULT_BYTES), .RESULT_WORDS(3), .TIMEOUT(60000), .INFO_BYTES(5), .INFO(40'h7E7D_0301_FF)
    ) shell (
        .clk, .rst, .rx(rx || wide != (i == 1)), .tx(sent[i]), .running(running[i]), .failed(failed[i]), .core_rst,
        .length, .length_valid, .length_ready, .feature, .feature_valid, .feature_ready, .result, .result_valid,
        .result_ready
    );
    mixer #(.FEATURE_BITS(8 * FEATURE_BYTES), .RESULT_BITS(8 * RESULT_BYTES)) core (
        .clk, .rst(core_rst), .length, .length_valid, .length_ready, .feature, .feature_valid, .feature_ready, .result,
        .result_valid, .result_ready
    );
  end
endmodule
