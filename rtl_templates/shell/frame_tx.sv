// A frame onto the line (docs/uart-protocol.md): flag, header, `length` bytes of payload, CRC, flag; escapes where needed.
// `start` takes kind, sequence and length while `busy` is low; payload bytes are taken with valid and ready. `abort`
// ends a frame so that no receiver takes it.
module hwsv_frame_tx #(
    parameter int DIVISOR = 40
) (
    input  logic        clk,
    input  logic        rst,
    output logic        tx,
    input  logic        start,
    input  logic [ 7:0] kind,
    input  logic [ 7:0] sequence_number,
    input  logic [15:0] length,
    output logic        busy,
    input  logic        payload_valid,
    output logic        payload_ready,
    input  logic [ 7:0] payload,
    input  logic        abort
);
  localparam logic [7:0] FLAG = 8'h7E, ESCAPE = 8'h7D, INVERT = 8'h20;

  typedef enum logic [2:0] {
    IDLE,
    OPEN,
    HEADER,
    PAYLOAD,
    CHECKSUM,
    CANCEL,
    CLOSE
  } state_t;
  state_t state;

  logic [31:0] words;  // header, later the CRC: the next byte lowest
  logic [1:0] index;
  logic [15:0] left;
  logic second;  // the byte after an escape
  logic [7:0] raw, line_byte;
  logic is_raw, available, special, line_valid, line_ready, sent;
  logic [31:0] crc;

  assign busy = state != IDLE;
  assign is_raw = state == HEADER || state == PAYLOAD || state == CHECKSUM;
  assign available = state == PAYLOAD ? payload_valid : state != IDLE;
  assign raw = state == PAYLOAD ? payload : words[7:0];
  assign special = is_raw && (raw == FLAG || raw == ESCAPE);
  always_comb
    if (!is_raw) line_byte = state == CANCEL ? ESCAPE : FLAG;
    else if (second) line_byte = raw ^ INVERT;
    else line_byte = special ? ESCAPE : raw;
  assign line_valid = available;
  assign sent = line_valid && line_ready && (!special || second);
  assign payload_ready = sent && state == PAYLOAD;

  hwsv_crc32 checksum (
      .clk, .clear(state == OPEN), .valid(sent && (state == HEADER || state == PAYLOAD)), .data(raw), .crc
  );
  hwsv_uart_tx #(.DIVISOR(DIVISOR)) line (.clk, .rst, .tx, .valid(line_valid), .ready(line_ready), .data(line_byte));

  always_ff @(posedge clk)
    if (rst) begin
      state  <= IDLE;
      second <= 1'b0;
    end else begin
      if (line_valid && line_ready) second <= special && !second;
      if (abort && busy && state != CLOSE) begin
        state  <= CANCEL;
        second <= 1'b0;
      end else begin
        case (state)
          IDLE:    if (start) state <= OPEN;
          OPEN:    if (sent) state <= HEADER;
          HEADER:  if (sent && index == 3) state <= left == 0 ? CHECKSUM : PAYLOAD;
          PAYLOAD: if (sent && left == 1) state <= CHECKSUM;
          CHECKSUM: if (sent && index == 3) state <= CLOSE;
          CANCEL:  if (sent) state <= CLOSE;
          default: if (sent) state <= IDLE;
        endcase
      end
    end

  always_ff @(posedge clk)
    if (state == IDLE) begin
      words <= {length, sequence_number, kind};
      left  <= length;
      index <= '0;
    end else begin
      if (sent && (state == HEADER || state == CHECKSUM)) begin
        words <= {8'h0, words[31:8]};
        index <= index + 1'b1;
      end
      // the CRC takes the last byte while that byte is on the line
      if (!line_ready && state == CHECKSUM && index == 0) words <= ~crc;
      if (sent && state == PAYLOAD) left <= left - 1'b1;
    end
endmodule
