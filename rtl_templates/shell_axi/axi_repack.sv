// Words of IN bytes to words of OUT bytes, byte 0 first; at full rate when OUT <= IN or in_valid allows it.
//
// `in_last` ends a packet (of which the last word may have fewer bytes, `in_bytes`); its last word may come out short,
// padded with zeros: `out_whole` tells. Nothing of the next packet enters before that word has left.
module hwsv_axi_repack #(
    parameter int IN  = 4,
    parameter int OUT = 1,
    localparam int HELD = IN + OUT - 1,  // most bytes inside
    localparam int COUNT_BITS = $clog2(HELD + 1),
    localparam int IN_BITS = $clog2(IN + 1)
) (
    input  logic               clk,
    input  logic               rst,
    input  logic               in_valid,
    output logic               in_ready,
    input  logic [   8*IN-1:0] in_data,
    input  logic [IN_BITS-1:0] in_bytes,   // of this word: 1 .. IN
    input  logic               in_last,
    output logic               out_valid,
    input  logic               out_ready,
    output logic [  8*OUT-1:0] out_data,
    output logic               out_whole,
    output logic               out_last
);
  logic [8*HELD-1:0] held, kept;  // bytes above `count` are 0
  logic [COUNT_BITS-1:0] count, left;
  logic ended, taken, leaves;

  assign out_whole = count >= COUNT_BITS'(OUT);
  assign out_valid = out_whole || (ended && count != 0);
  assign out_last  = ended && count <= COUNT_BITS'(OUT);
  assign out_data  = held[8*OUT-1:0];
  assign leaves    = out_valid && out_ready;

  // what is left after this cycle's word, and whether a word still fits behind it
  assign left = !leaves ? count : out_whole ? count - COUNT_BITS'(OUT) : '0;
  assign kept = leaves ? held >> 8 * OUT : held;
  assign in_ready = !ended && left < COUNT_BITS'(OUT);
  assign taken = in_valid && in_ready;

  always_ff @(posedge clk)
    if (rst) begin
      held  <= '0;
      count <= '0;
      ended <= 1'b0;
    end else begin
      held  <= taken ? kept | (8 * HELD)'(in_data) << 8 * left : kept;
      count <= left + (taken ? COUNT_BITS'(in_bytes) : '0);
      ended <= taken ? in_last : ended && !(leaves && out_last);
    end
endmodule
