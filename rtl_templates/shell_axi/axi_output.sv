// Words of the core to packets of the AXI4-Stream master (docs/axi-shell.md, "Packets").
//
// An embedding is collected whole before its first beat leaves, and leaves only when its utterance is `complete`. A
// packet that has begun is sent to its end, whatever happens: `clear` and `failed` drop what has not begun.
module hwsv_axi_output #(
    parameter int RESULT_BYTES = 4,
    parameter int RESULT_WORDS = 64
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      drop,           // clear or failed
    // the core
    input  logic [8*RESULT_BYTES-1:0] result,
    input  logic                      result_valid,
    output logic                      result_ready,
    // the utterance
    input  logic                      expected,       // one has begun
    input  logic                      complete,       // all its features are in
    input  logic [              31:0] header,
    input  logic [              31:0] total,          // cycles, if a word is taken now
    input  logic [              31:0] latency,
    output logic [              31:0] kept_total,     // of the embedding collected last
    output logic [              31:0] kept_latency,
    input  logic                      sending,        // the packet before has not left
    output logic                      released,       // its packet begins
    // beats, to a register slice
    output logic                      valid,
    input  logic                      ready,
    output logic [              31:0] data,
    output logic                      last
);
  localparam int BEATS = (RESULT_BYTES * RESULT_WORDS + 3) / 4;  // of the embedding
  localparam int ADDRESS_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int INDEX_BITS = $clog2(BEATS + 4);
  localparam int WORD_BITS = $clog2(RESULT_WORDS + 1);
  localparam logic [INDEX_BITS-1:0] HEADER_WORDS = 3;
  localparam logic [$clog2(RESULT_BYTES+1)-1:0] BYTES = ($clog2(RESULT_BYTES + 1))'(RESULT_BYTES);

  typedef enum logic [1:0] {
    COLLECT,
    RELEASE,
    SEND
  } state_t;
  state_t state;

  logic word_taken, repacked, packed_last, sent, unused_whole, unpacked_ready;
  logic [31:0] packed_data, kept_header, stored;
  logic [WORD_BITS-1:0] words_left;
  logic [ADDRESS_BITS-1:0] write_address;
  logic [INDEX_BITS-1:0] index, next_index;

  assign result_ready = state == COLLECT && expected && words_left != 0 && unpacked_ready && !drop;
  assign word_taken = result_valid && result_ready;

  hwsv_axi_repack #(.IN(RESULT_BYTES), .OUT(4)) beats (
      .clk, .rst(rst || drop), .in_valid(word_taken), .in_ready(unpacked_ready), .in_data(result),
      .in_bytes(BYTES), .in_last(words_left == 1), .out_valid(repacked),
      .out_ready(1'b1), .out_data(packed_data), .out_whole(unused_whole), .out_last(packed_last)
  );
  hwsv_ram #(.WIDTH(32), .DEPTH(BEATS), .BLOCK(0)) embedding (
      .clk, .write(repacked), .write_address, .write_data(packed_data),
      .read_address(ADDRESS_BITS'(next_index - HEADER_WORDS)), .read_data(stored)
  );

  assign released = state == RELEASE && complete && !sending && !drop;
  assign valid = state == SEND;
  assign sent = valid && ready;
  assign next_index = state == SEND ? index + INDEX_BITS'(sent) : '0;
  assign last = index == INDEX_BITS'(BEATS + 2);
  always_comb
    case (index)
      0: data = kept_header;
      1: data = kept_total;
      2: data = kept_latency;
      default: data = stored;
    endcase

  always_ff @(posedge clk)
    if (rst) state <= COLLECT;
    else
      case (state)
        COLLECT: if (repacked && packed_last && !drop) state <= RELEASE;
        RELEASE: state <= drop ? COLLECT : released ? SEND : RELEASE;
        default: if (sent && last) state <= COLLECT;
      endcase

  always_ff @(posedge clk)
    if (rst) begin
      kept_total   <= '0;
      kept_latency <= '0;
    end else if (word_taken && words_left == WORD_BITS'(RESULT_WORDS)) begin
      kept_header  <= header;
      kept_total   <= total;
      kept_latency <= latency;
    end

  always_ff @(posedge clk) begin
    index <= next_index;
    if (rst || drop || state != COLLECT) words_left <= WORD_BITS'(RESULT_WORDS);
    else if (word_taken) words_left <= words_left - 1'b1;
    if (rst || drop || state != COLLECT) write_address <= '0;
    else if (repacked) write_address <= write_address + 1'b1;
  end
endmodule
