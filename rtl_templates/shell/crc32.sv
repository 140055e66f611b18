// CRC-32 of IEEE 802.3 (zlib.crc32), a bit a cycle: `crc` follows 9 cycles after `valid`. It is the register before the
// final inversion; over a message and its own CRC it ends as RESIDUE.
module hwsv_crc32 (
    input  logic        clk,
    input  logic        clear,
    input  logic        valid,
    input  logic [ 7:0] data,
    output logic [31:0] crc
);
  logic [7:0] shift;
  logic [3:0] bits_left;

  always_ff @(posedge clk)
    if (clear) begin
      crc       <= '1;
      bits_left <= '0;
    end else if (valid) begin
      shift     <= data;
      bits_left <= 4'd8;
    end else if (bits_left != 0) begin
      crc       <= {1'b0, crc[31:1]} ^ (crc[0] ^ shift[0] ? 32'hEDB8_8320 : 32'h0);
      shift     <= {1'b0, shift[7:1]};
      bits_left <= bits_left - 1'b1;
    end
endmodule
