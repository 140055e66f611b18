// Between a UART and an accelerator: takes requests, feeds utterances, returns embeddings (docs/uart-protocol.md).
//
// A request is acted on only when its frame is whole (frame_rx.sv), features enter the core only in their order, and
// every utterance starts with the core's reset: whatever arrives, an embedding belongs to the features of its run.
// INFO holds what the host must know, byte 0 lowest.
module hwsv_shell #(
    parameter int DIVISOR = 40,
    parameter int FEATURE_BYTES = 1,  // of a word of the core's input
    parameter int FRAME_WORDS = 40,  // words a frame of features
    parameter int FRAMES_MIN = 1,
    parameter int FRAMES_MAX = 65535,
    parameter int RESULT_BYTES = 4,  // of a word of the core's output
    parameter int RESULT_WORDS = 64,  // an embedding
    parameter int TIMEOUT = 100_000_000,  // cycles without progress that end a run
    parameter int INFO_BYTES = 1,
    parameter logic [8*INFO_BYTES-1:0] INFO = '0
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic                       rx,
    output logic                       tx,
    output logic                       running,
    output logic                       failed,       // the last request ended in an error
    // the core
    output logic                       core_rst,
    output logic [               15:0] length,
    output logic                       length_valid,
    input  logic                       length_ready,
    output logic [8*FEATURE_BYTES-1:0] feature,
    output logic                       feature_valid,
    input  logic                       feature_ready,
    input  logic [ 8*RESULT_BYTES-1:0] result,
    input  logic                       result_valid,
    output logic                       result_ready
);
  if (FEATURE_BYTES < 1 || FEATURE_BYTES > 248) begin : bad_feature_bytes
    $error("shell: FEATURE_BYTES must be in 1 .. 248");
  end
  if (RESULT_BYTES * RESULT_WORDS + 8 >= 65536) begin : bad_result
    $error("shell: an embedding has more than 65527 bytes");
  end

  localparam logic [7:0] GET_INFO = 8'd1, LOOPBACK = 8'd2, RESET = 8'd3, BEGIN_RUN = 8'd4, FEATURES = 8'd5;
  localparam logic [7:0] RESULT = 8'h86, FAILURE = 8'hFF, REPLY_BIT = 8'h80;
  localparam logic [7:0] BAD_TYPE = 8'd1, BAD_LENGTH = 8'd2, NO_RUN = 8'd3, BAD_SEQUENCE = 8'd4, TOO_MANY = 8'd5;
  localparam logic [7:0] TIMED_OUT = 8'd6, BAD_FRAMES = 8'd7;
  localparam int WORD_BITS = $clog2(FRAME_WORDS + 1);
  localparam int INDEX_BITS = RESULT_BYTES > 1 ? $clog2(RESULT_BYTES) : 1;
  localparam int LANE_BITS = FEATURE_BYTES > 1 ? $clog2(FEATURE_BYTES) : 1;
  localparam int TIMER_BITS = $clog2(TIMEOUT + 1);

  typedef enum logic [2:0] {
    IDLE,
    HEADER,  // reads the first bytes of a frame
    DECIDE,
    RESTART,  // resets the core
    LENGTH,  // hands it the number of frames
    FEED,
    START,  // of a reply
    REPLY
  } state_t;
  typedef enum logic [2:0] {
    NOTHING,
    INFORMATION,
    ECHO,
    EMBEDDING,
    CODE
  } source_t;
  state_t  state;
  source_t source;

  // the request: its first six bytes, then its payload byte by byte
  logic byte_valid, pending, done, settled, move;
  logic [7:0] byte_data, index, stored, kind, number, size, left, verdict;
  logic [15:0] frames;
  logic [47:0] header;

  // the run
  logic fed, started, arrived, any_features, is_repeat, expired, progress, word_taken, last_taken;
  logic [7:0] expected;
  logic [15:0] frames_left;
  logic [WORD_BITS-1:0] words_left;
  logic [LANE_BITS-1:0] lane;
  logic [TIMER_BITS-1:0] timer;
  logic [3:0] reset_left;
  logic [31:0] total, latency;  // cycles from the first and the last feature word to the first word of the result

  // the reply; `answering`: to a request
  logic answering, busy, payload_valid, payload_ready, in_counts;
  logic [7:0] reply_kind, reply_number, payload, code;
  logic [15:0] reply_length, sent;
  logic [INDEX_BITS-1:0] result_index;

  hwsv_uart_rx #(.DIVISOR(DIVISOR)) line_in (.clk, .rst, .rx, .valid(byte_valid), .data(byte_data));
  hwsv_frame_rx frames_in (
      .clk, .rst, .byte_valid, .byte_data, .pending, .done, .read_index(index), .read_data(stored)
  );
  hwsv_frame_tx #(.DIVISOR(DIVISOR)) frames_out (
      .clk, .rst, .tx, .start(state == START), .kind(reply_kind), .sequence_number(reply_number),
      .length(reply_length), .busy, .payload_valid, .payload_ready, .payload, .abort(expired && source == EMBEDDING)
  );

  assign kind = header[7:0];
  assign number = header[15:8];
  assign size = header[23:16];
  assign frames = header[47:32];
  assign fed = frames_left == 0;
  assign is_repeat = any_features && number + 8'd1 == expected;
  assign core_rst = rst || state == RESTART;
  assign length = frames;
  assign length_valid = state == LENGTH;
  assign feature_valid = state == FEED && settled && !fed && left != 0 && lane == LANE_BITS'(FEATURE_BYTES - 1);
  assign word_taken = feature_valid && feature_ready;
  assign last_taken = word_taken && words_left == 1 && frames_left == 1;
  assign in_counts = sent[15:3] == 0;
  assign result_ready = payload_ready && source == EMBEDDING && !in_counts &&
                        result_index == INDEX_BITS'(RESULT_BYTES - 1);
  assign progress = word_taken || (payload_ready && source == EMBEDDING);
  assign expired = running && timer == 0;

  if (FEATURE_BYTES == 1) begin : byte_words
    assign feature = stored;
  end else begin : wide_words
    logic [8*(FEATURE_BYTES-1)-1:0] gathered;
    assign feature = {stored, gathered};
    always_ff @(posedge clk) if (state == FEED && move) gathered <= feature[8*FEATURE_BYTES-1:8];
  end

  // 0, or what is wrong with the request
  always_comb begin
    verdict = 8'd0;
    case (kind)
      GET_INFO, RESET: if (size != 0) verdict = BAD_LENGTH;
      LOOPBACK: verdict = 8'd0;
      BEGIN_RUN:
      if (size != 2) verdict = BAD_LENGTH;
      else if (frames - 16'(FRAMES_MIN) > 16'(FRAMES_MAX - FRAMES_MIN)) verdict = BAD_FRAMES;
      FEATURES:
      if (!running) verdict = NO_RUN;
      else if (is_repeat) verdict = 8'd0;
      else if (number != expected) verdict = BAD_SEQUENCE;
      else if (fed) verdict = TOO_MANY;
      else if (size == 0 || size % 8'(FEATURE_BYTES) != 0) verdict = BAD_LENGTH;
      default: verdict = BAD_TYPE;
    endcase
  end

  always_comb
    case (source)
      INFORMATION: payload = INFO[8*sent+:8];
      ECHO: payload = stored;
      EMBEDDING:
      if (!in_counts) payload = result[8*result_index+:8];
      else payload = sent[2] ? latency[8*sent[1:0]+:8] : total[8*sent[1:0]+:8];
      default: payload = sent[0] ? kind : code;
    endcase
  always_comb
    case (source)
      ECHO: payload_valid = settled;
      EMBEDDING: payload_valid = in_counts || result_valid;
      default: payload_valid = 1'b1;
    endcase

  // the next byte of the request; one cycle later it is there
  always_comb
    case (state)
      HEADER:  move = settled;
      FEED:    move = settled && (word_taken || lane != LANE_BITS'(FEATURE_BYTES - 1));
      REPLY:   move = payload_ready && source == ECHO;
      default: move = 1'b0;
    endcase
  always_ff @(posedge clk) begin
    settled <= !(move || state == IDLE || state == DECIDE);
    if (state == IDLE) index <= 8'd0;
    else if (state == DECIDE) index <= 8'd4;
    else if (move) index <= index + 1'b1;
    if (state == HEADER && move) header <= {stored, header[47:8]};
  end

  always_ff @(posedge clk)
    if (rst) begin
      state <= IDLE;
      source <= NOTHING;
      running <= 1'b0;
      failed <= 1'b0;
      done <= 1'b0;
      any_features <= 1'b0;
    end else begin
      done <= 1'b0;
      case (state)
        IDLE: begin
          answering <= 1'b0;
          reply_number <= expected - 1'b1;
          if (expired) begin
            {state, source, failed, running} <= {START, CODE, 2'b10};
            {reply_kind, code, reply_length} <= {FAILURE, TIMED_OUT, 16'd2};
          end else if (running && fed && result_valid) begin
            {state, source} <= {START, EMBEDDING};
            {reply_kind, reply_length} <= {RESULT, 16'(RESULT_BYTES * RESULT_WORDS + 8)};
          end else if (pending && !done) state <= HEADER;
        end
        HEADER: if (move && index == 5) state <= DECIDE;
        DECIDE: begin
          answering <= 1'b1;
          reply_number <= number;
          left <= size;
          failed <= verdict != 0;
          code <= verdict;
          {reply_kind, reply_length, source} <= {kind | REPLY_BIT, 16'd0, NOTHING};
          state <= START;
          if (verdict != 0) {reply_kind, reply_length, source} <= {FAILURE, 16'd2, CODE};
          else
            case (kind)
              GET_INFO: {reply_length, source} <= {16'(INFO_BYTES), INFORMATION};
              LOOPBACK: {reply_length, source} <= {8'd0, size, ECHO};
              FEATURES: if (!is_repeat) state <= FEED;
              default: {state, running} <= {RESTART, 1'b0};
            endcase
        end
        RESTART: if (reset_left == 0) state <= kind == BEGIN_RUN ? LENGTH : START;
        LENGTH:
        if (length_ready) begin
          {state, running, any_features} <= {START, 2'b10};
          expected <= number + 1'b1;
        end
        FEED:
        if (left == 0) begin
          {state, any_features} <= {START, 1'b1};
          expected <= number + 1'b1;
        end else if (expired || fed) begin
          {state, source, failed, running} <= {START, CODE, 2'b10};
          {reply_kind, code, reply_length} <= {FAILURE, expired ? TIMED_OUT : TOO_MANY, 16'd2};
        end else if (move) left <= left - 1'b1;
        START: state <= REPLY;
        default: begin
          if (expired && source == EMBEDDING) {running, failed} <= 2'b01;
          if (!busy) begin
            {state, done} <= {IDLE, answering};
            if (source == EMBEDDING) running <= 1'b0;
          end
        end
      endcase
    end

  always_ff @(posedge clk) begin
    reset_left <= state == RESTART ? reset_left - 1'b1 : '1;
    if (!running || progress) timer <= TIMER_BITS'(TIMEOUT);
    else if (timer != 0) timer <= timer - 1'b1;

    if (state == START) sent <= '0;
    else if (payload_ready) sent <= sent + 1'b1;
    if (state == START || result_ready) result_index <= '0;
    else if (payload_ready && !in_counts) result_index <= result_index + 1'b1;

    if (state == DECIDE) lane <= '0;
    else if (state == FEED && move) lane <= word_taken ? '0 : lane + 1'b1;
    if (state == RESTART) begin
      frames_left <= frames;
      words_left <= WORD_BITS'(FRAME_WORDS);
    end else if (word_taken) begin
      words_left <= words_left == 1 ? WORD_BITS'(FRAME_WORDS) : words_left - 1'b1;
      if (words_left == 1) frames_left <= frames_left - 1'b1;
    end

    if (state == RESTART) {started, arrived, total, latency} <= '0;
    else begin
      if (word_taken) started <= 1'b1;
      if (result_valid) arrived <= 1'b1;
      if (!result_valid && !arrived) begin
        if (started || word_taken) total <= total + 1'b1;
        if (running && fed || last_taken) latency <= latency + 1'b1;
      end
    end
  end
endmodule
