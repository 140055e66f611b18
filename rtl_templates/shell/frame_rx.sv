// Frames out of a byte stream (docs/uart-protocol.md): flags, escapes, length and CRC. Whatever comes, the next flag
// starts anew. Good frames stay in a queue of at most three, each in a bank of 256 bytes (header first); the reader
// looks at the oldest one and drops it with `done`. A frame that finds the queue full is lost.
module hwsv_frame_rx (
    input  logic       clk,
    input  logic       rst,
    input  logic       byte_valid,
    input  logic [7:0] byte_data,
    output logic       pending,
    input  logic       done,
    input  logic [7:0] read_index,
    output logic [7:0] read_data    // one cycle after `read_index`
);
  localparam logic [7:0] FLAG = 8'h7E, ESCAPE = 8'h7D, INVERT = 8'h20;
  localparam logic [31:0] RESIDUE = 32'hDEBB_20E3;

  logic [1:0] write_bank, read_bank;
  logic [8:0] count;  // bytes of the frame so far, 257 for any number that no frame has
  logic [15:0] length;
  logic escaped, is_flag, is_raw, good;
  logic [ 7:0] raw;
  logic [31:0] crc;

  assign is_flag = byte_valid && byte_data == FLAG;
  assign is_raw  = byte_valid && byte_data != FLAG && byte_data != ESCAPE;
  assign raw     = escaped ? byte_data ^ INVERT : byte_data;
  assign good    = is_flag && !escaped && count[8:3] != 0 && 17'(count) == 17'(length) + 17'd8 && crc == RESIDUE;
  assign pending = write_bank != read_bank;

  hwsv_crc32 checksum (.clk, .clear(rst || is_flag), .valid(is_raw), .data(raw), .crc);
  hwsv_ram #(.WIDTH(8), .DEPTH(1024), .BLOCK(1)) banks (
      .clk,
      .write(is_raw && !count[8]),
      .write_address({write_bank, count[7:0]}),
      .write_data(raw),
      .read_address({read_bank, read_index}),
      .read_data
  );

  always_ff @(posedge clk)
    if (rst) begin
      write_bank <= '0;
      read_bank  <= '0;
      count      <= '0;
      escaped    <= 1'b0;
    end else begin
      if (byte_valid) escaped <= byte_data == ESCAPE;
      if (is_flag) count <= '0;
      else if (is_raw && count != 9'd257) count <= count + 1'b1;
      if (good && write_bank + 2'd1 != read_bank) write_bank <= write_bank + 2'd1;
      if (done) read_bank <= read_bank + 2'd1;
    end

  always_ff @(posedge clk) if (is_raw && count[8:1] == 1) length <= {raw, length[15:8]};  // bytes 2 and 3
endmodule
