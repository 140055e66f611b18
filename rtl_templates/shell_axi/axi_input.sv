// Packets of the AXI4-Stream slave to lengths and feature words (docs/axi-shell.md, "Packets").
//
// The last word of an utterance enters the core only when its packet has ended with it: a packet of a wrong length
// never completes an utterance. After an error everything is taken and thrown away until `clear`. A packet that `clear`
// cuts is skipped to its TLAST, or to the next packet's first word (a DMA that was reset gives no TLAST).
module hwsv_axi_input
  import hwsv_axi_registers::*;
#(
    parameter int FEATURE_BYTES = 1,
    parameter int FRAME_WORDS = 40,
    parameter int FRAMES_MIN = 1,
    parameter int FRAMES_MAX = 65535
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic                       clear,
    input  logic                       failed,
    // beats, from a register slice
    input  logic                       valid,
    output logic                       ready,
    input  logic [               31:0] data,
    input  logic [                3:0] keep,
    input  logic                       last,
    // the core
    output logic [               15:0] length,
    output logic                       length_valid,
    input  logic                       length_ready,
    output logic [8*FEATURE_BYTES-1:0] feature,
    output logic                       feature_valid,
    input  logic                       feature_ready,
    // what happens
    input  logic                       slot_free,      // one more utterance may begin
    output logic                       begun,          // the core has the length
    output logic                       first_taken,    // of the feature words
    output logic                       word_taken,
    output logic                       last_taken,
    output logic [               31:0] header,
    output logic                       midway,         // a packet
    output logic                       idle,           // no utterance has begun to come
    output logic                       starved,
    output logic [                7:0] error           // now; 0: none
);
  localparam int WORD_BITS = $clog2(FRAME_WORDS + 1);

  typedef enum logic [2:0] {
    HEAD,    // expects MAGIC
    COUNT,   // expects frames and tag
    LENGTH,  // hands the core the number of frames
    FEED,
    SKIP     // what is left of a packet
  } state_t;
  state_t state;

  logic taken, whole, ends, opens, feeds, accepts, is_final, word_valid, word_whole, word_last, good, bad_frames;
  logic fed_any;
  logic [2:0] bytes;
  logic [15:0] frames_left;
  logic [WORD_BITS-1:0] words_left;

  // what a beat is: full, or the end of a packet with 1 .. 4 bytes
  assign whole = keep == 4'b1111;
  assign ends = last && (keep == 4'b0001 || keep == 4'b0011 || keep == 4'b0111 || whole);
  assign bytes = 3'(keep[0]) + 3'(keep[1]) + 3'(keep[2]) + 3'(keep[3]);
  assign opens = data == MAGIC && whole && !last;
  assign bad_frames = data[15:0] - 16'(FRAMES_MIN) > 16'(FRAMES_MAX - FRAMES_MIN);

  assign feeds = state == FEED && !failed && !clear;
  assign ready = !clear && (failed || (state == FEED ? accepts : state != LENGTH));
  assign taken = valid && ready;

  hwsv_axi_repack #(.IN(4), .OUT(FEATURE_BYTES)) words (
      .clk, .rst(rst || !feeds), .in_valid(valid && feeds), .in_ready(accepts), .in_data(data), .in_bytes(bytes),
      .in_last(last), .out_valid(word_valid), .out_ready(word_taken), .out_data(feature), .out_whole(word_whole),
      .out_last(word_last)
  );

  assign is_final = words_left == 1 && frames_left == 1;
  assign good = word_whole && word_last == is_final;
  assign length = header[15:0];
  assign length_valid = state == LENGTH && slot_free && !failed && !clear;
  assign begun = length_valid && length_ready;
  assign feature_valid = feeds && word_valid && good;
  assign word_taken = feature_valid && feature_ready;
  assign first_taken = word_taken && !fed_any;
  assign last_taken = word_taken && is_final;
  assign idle = state == HEAD || state == SKIP;
  assign starved = (state == COUNT || feeds && !word_valid) && !valid;

  always_comb begin
    error = ERR_NONE;
    if (!failed && !clear)
      case (state)
        HEAD: if (taken && !opens) error = ERR_BAD_HEADER;
        COUNT:
        if (taken && (last || !whole)) error = ERR_BAD_HEADER;
        else if (taken && bad_frames) error = ERR_BAD_FRAMES;
        FEED:
        if (word_valid && !good) error = word_last ? ERR_SHORT : ERR_LONG;
        else if (taken && !(last ? ends : whole)) error = ERR_BAD_KEEP;
        default: error = ERR_NONE;
      endcase
  end

  always_ff @(posedge clk)
    if (rst) begin
      state  <= HEAD;
      midway <= 1'b0;
      header <= '0;
    end else begin
      if (taken) midway <= !last;
      if (clear || failed) state <= midway ? SKIP : HEAD;
      else
        case (state)
          HEAD: if (taken) state <= COUNT;
          COUNT:
          if (taken) begin
            state  <= LENGTH;
            header <= data;
          end
          LENGTH: if (begun) state <= FEED;
          FEED: if (last_taken) state <= HEAD;
          default: if (taken) state <= opens ? COUNT : last ? HEAD : SKIP;
        endcase
    end

  always_ff @(posedge clk)
    if (state == LENGTH) begin
      frames_left <= header[15:0];
      words_left  <= WORD_BITS'(FRAME_WORDS);
      fed_any     <= 1'b0;
    end else if (word_taken) begin
      words_left <= words_left == 1 ? WORD_BITS'(FRAME_WORDS) : words_left - 1'b1;
      if (words_left == 1) frames_left <= frames_left - 1'b1;
      fed_any <= 1'b1;
    end
endmodule
