// Sliding window: a writer (D = 0) and a reader (D = 1) over a line buffer of PIXELS pixels (docs/timing.md).
//
// Order of the output: position y, x, tap ky, kx, channel fold. Counts of pixels are relative to the first one that is
// not released, so they are no wider than the buffer: `filled` are written, the tap waits for `need`, the beat frees
// `frees`. From tap to tap `need` and `address` go the same constant steps; only the step to the next utterance depends
// on its length, of which the rows left are counted.
module hwsv_sliding_window #(
    parameter int LANES              = 1,
    parameter int BITS               = 8,   // of an element
    parameter int FOLDS              = 1,   // words a pixel
    parameter int FREQ               = 4,   // pixels a frame
    parameter int OUT_FREQ           = 4,   // positions a frame
    parameter int PIXELS             = 12,  // places in the line buffer
    parameter int KERNEL_T           = 3,
    parameter int KERNEL_F           = 3,
    parameter int STRIDE_T           = 1,
    parameter int STRIDE_F           = 1,
    parameter int PAD_T              = 1,
    parameter int PAD_F              = 1,
    parameter int PAD_END_T          = 1,
    parameter int MARK               = 1,   // 1: padded taps are marked; 0: their elements are PAD_CODE
    parameter     PAD_CODE           = 0,   // an int, or as wide as the elements
    parameter int LINE_BUFFERS_BLOCK = 0
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic [                0:0] in_valid,
    input  logic [     LANES*BITS-1:0] in_data,
    output logic [                0:0] in_pop,
    input  logic                       length_valid,
    input  logic [               15:0] length_data,
    output logic                       length_pop,
    input  logic [                0:0] out_credit,
    output logic [                0:0] out_issue,
    output logic [                0:0] out_push,
    output logic [LANES*BITS+MARK-1:0] out_data
);
  if (LANES < 1 || BITS < 1 || FOLDS < 1 || FREQ < 1 || OUT_FREQ < 1) begin : bad_shape
    $error("sliding_window: LANES, BITS, FOLDS, FREQ and OUT_FREQ must be at least 1");
  end
  if (KERNEL_T < 1 || KERNEL_F < 1 || STRIDE_T < 1 || STRIDE_F < 1) begin : bad_window
    $error("sliding_window: kernel and stride must be at least 1");
  end
  if (PAD_T < 0 || PAD_F < 0 || PAD_END_T < 0 || PAD_T >= KERNEL_T || PAD_F >= KERNEL_F || PAD_END_T >= KERNEL_T)
  begin : bad_pads
    $error("sliding_window: padding must be smaller than the kernel");
  end
  if (PIXELS != (KERNEL_T + STRIDE_T - 2) * FREQ + KERNEL_F + STRIDE_F) begin : bad_pixels
    $error("sliding_window: PIXELS must be (KERNEL_T + STRIDE_T - 2) * FREQ + KERNEL_F + STRIDE_F");
  end
  if (MARK != 0 && MARK != 1) begin : bad_mark
    $error("sliding_window: MARK must be 0 or 1");
  end

  localparam int WORDS = PIXELS * FOLDS;
  localparam int BEATS = FOLDS * KERNEL_T * KERNEL_F;            // of a position
  localparam int LAST_LEFT = (OUT_FREQ - 1) * STRIDE_F - PAD_F;  // first column of the last position of a row
  localparam int LAST_FREE = LAST_LEFT > 0 ? LAST_LEFT : 0;      // pixels of a row before that position
  localparam int LAST_ROWS = KERNEL_T - PAD_END_T + STRIDE_T;    // with fewer rows left, no window fits below
  // the length may matter for the beat that it comes with and the one after
  localparam bit EARLY = BEATS <= 2 || FOLDS * KERNEL_F == 1;

  // pixels from a tap to the next one: in the kernel's next row, in the next position, in the next row of positions
  localparam int TO_ROW = FREQ - KERNEL_F + 1;
  localparam int TO_POSITION = STRIDE_F - (KERNEL_T - 1) * FREQ - KERNEL_F + 1;
  localparam int TO_LINE = (STRIDE_T - KERNEL_T + 1) * FREQ - PAD_F - LAST_LEFT - KERNEL_F + 1;

  localparam int ADDRESS_BITS = $clog2(WORDS);
  localparam int COUNT_BITS = $clog2(PIXELS + 1);
  localparam int FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int KX_BITS = KERNEL_F > 1 ? $clog2(KERNEL_F) : 1;
  localparam int COLUMN_BITS = $clog2(FREQ + KERNEL_F) + 1;
  localparam int NEAR_BITS = $clog2(KERNEL_T + 2 * STRIDE_T);

  typedef logic [ADDRESS_BITS-1:0] address_t;
  typedef logic [COUNT_BITS-1:0] count_t;  // also differences, modulo a power of two
  typedef logic [FOLD_BITS-1:0] fold_t;
  typedef logic [KX_BITS-1:0] kx_t;
  typedef logic [COLUMN_BITS-1:0] column_t;  // two's complement
  typedef logic [NEAR_BITS:0] row_t;         // holds the sum of two

  // a step of `pixels` and `words` in the ring
  function automatic address_t ring(input int pixels, input int words);
    int place;
    place = (pixels * FOLDS + words) % WORDS;
    return address_t'(place < 0 ? place + WORDS : place);
  endfunction

  // the steps from the last tap of an utterance to the first of the next one, `rows` after the last window's first row
  function automatic logic [ADDRESS_BITS+COUNT_BITS-1:0] to_utterance(input row_t rows);
    to_utterance = '0;
    for (int r = 1; r < LAST_ROWS; r++)
      if (rows == row_t'(r))
        to_utterance = {
          ring(TO_LINE + (r - STRIDE_T - PAD_T) * FREQ, 1 - FOLDS), count_t'(TO_LINE + (r - STRIDE_T - PAD_T) * FREQ)
        };
  endfunction

  // what a position frees, the pixels before the first one that the next position or a later one reads; with `column`
  // under its last tap, and the `rows` that it frees if it is the last one of its row
  function automatic count_t freed(input column_t column, input row_t above, input row_t rows);
    freed = '0;
    if (column == column_t'(LAST_LEFT + KERNEL_F - 1)) begin
      for (int r = 1; r < LAST_ROWS; r++)
        if (rows == row_t'(r)) freed = count_t'(above == 0 ? r * FREQ - LAST_FREE : r * FREQ);
    end else if (above == 0) begin
      freed = count_t'(STRIDE_F);
      for (int c = 1; c <= PAD_F; c++)
        if (column == column_t'(KERNEL_F - 1 - c)) freed = count_t'(STRIDE_F > c ? STRIDE_F - c : 0);
    end
  endfunction

  // ---- line buffer: `filled` is written - released, as both sides see it one cycle later

  count_t filled, kept;
  logic write, wrote, issue;
  address_t write_address, address;
  fold_t write_fold;
  logic [LANES*BITS-1:0] word;

  assign write = in_valid[0] && (write_fold != 0 || filled != count_t'(PIXELS));
  assign wrote = write && write_fold == fold_t'(FOLDS - 1);
  assign in_pop = write;

  always_ff @(posedge clk)
    if (rst) begin
      filled <= '0;
      write_fold <= '0;
      write_address <= '0;
    end else begin
      filled <= (issue ? kept : filled) + count_t'(wrote);
      if (write) begin
        write_fold <= wrote ? '0 : write_fold + 1'b1;
        write_address <= write_address == address_t'(WORDS - 1) ? '0 : write_address + 1'b1;
      end
    end

  hwsv_ram #(.WIDTH(LANES * BITS), .DEPTH(WORDS), .BLOCK(LINE_BUFFERS_BLOCK)) lines (
      .clk, .write, .write_address, .write_data(in_data), .read(issue), .read_address(address), .read_data(word)
  );

  // ---- reader: registers describe the beat to be issued, `next_…` the one after it

  logic first;                    // beat of an utterance
  logic last, next_last;          // beat of a position
  logic in_frame, next_in_frame;  // the tap is not padding
  logic fold_ends, kernel_row_ends, line_ends, utterance_ends;
  fold_t fold, next_fold;
  kx_t kx, next_kx;
  row_t ky, next_ky;
  column_t column, next_column;           // of the frame, under the tap
  row_t above, next_above;                // rows of the window that lie above the frame
  logic [15:0] rows_left, rows_left_now;  // of the frame, from the window's first one in it
  row_t near, window_rows;                // few of them, and with those above the frame
  logic far;                              // there are many
  row_t line_frees, next_frees;           // rows that the end of this row of positions frees, of the next beat's
  count_t need, next_need, step;
  count_t frees, frees_now;               // the beat also waits for what it frees
  address_t next_address, address_step;
  logic [ADDRESS_BITS:0] ahead, wrapped;
  logic lacks;

  assign fold_ends = fold == fold_t'(FOLDS - 1);
  assign kernel_row_ends = fold_ends && kx == kx_t'(KERNEL_F - 1);
  assign line_ends = last && column == column_t'(LAST_LEFT + KERNEL_F - 1);
  assign utterance_ends = line_ends && !far && window_rows < row_t'(LAST_ROWS);

  assign rows_left_now = EARLY && first ? length_data : rows_left;
  assign far = rows_left_now >> NEAR_BITS != 0;
  assign near = row_t'(rows_left_now);
  assign window_rows = near + above;
  assign line_frees = above < row_t'(STRIDE_T) ? row_t'(STRIDE_T) - above : '0;

  always_comb begin
    next_fold = fold_ends ? '0 : fold + 1'b1;
    next_kx = !fold_ends ? kx : kernel_row_ends ? '0 : kx + 1'b1;
    next_ky = !kernel_row_ends ? ky : last ? '0 : ky + 1'b1;
    next_last = next_fold == fold_t'(FOLDS - 1) && next_kx == kx_t'(KERNEL_F - 1)
        && next_ky == row_t'(KERNEL_T - 1);

    next_column = column + column_t'(fold_ends);
    if (kernel_row_ends) next_column = column + column_t'(last ? STRIDE_F - KERNEL_F + 1 : 1 - KERNEL_F);
    if (line_ends) next_column = -column_t'(PAD_F);
    next_above = above;
    if (line_ends) next_above = above > row_t'(STRIDE_T) ? above - row_t'(STRIDE_T) : '0;
    if (utterance_ends) next_above = row_t'(PAD_T);
    if (PAD_T == 0) next_above = '0;
    // a window's first row never lies below the frame
    next_in_frame = next_ky >= next_above && (far || next_ky == 0 || next_ky < window_rows)
        && next_column < column_t'(FREQ);

    if (!far && window_rows < (line_ends ? row_t'(LAST_ROWS + STRIDE_T) : row_t'(LAST_ROWS)))
      next_frees = line_ends ? near - line_frees : near;
    else next_frees = next_above < row_t'(STRIDE_T) ? row_t'(STRIDE_T) - next_above : '0;

    {address_step, step} = {ring(0, 1), count_t'(fold_ends)};
    if (kernel_row_ends) {address_step, step} = {ring(TO_ROW, 1 - FOLDS), count_t'(TO_ROW)};
    if (last) {address_step, step} = {ring(TO_POSITION, 1 - FOLDS), count_t'(TO_POSITION)};
    if (line_ends) {address_step, step} = {ring(TO_LINE, 1 - FOLDS), count_t'(TO_LINE)};
    if (utterance_ends) {address_step, step} = to_utterance(window_rows);
    next_need = need - frees_now + step;
    ahead = {1'b0, address} + {1'b0, address_step};
    wrapped = ahead - (ADDRESS_BITS + 1)'(WORDS);
    next_address = address_t'(wrapped[ADDRESS_BITS] ? ahead : wrapped);
  end

  // the very first beat may end a row of positions: then what it frees depends on the length that comes with it
  if (BEATS == 1 && OUT_FREQ == 1) begin : one_beat_a_row
    assign frees_now = !first ? frees : freed(column, above, utterance_ends ? near : line_frees);
  end else begin : more_beats
    assign frees_now = frees;
  end

  assign {lacks, kept} = {1'b0, filled} - {1'b0, frees_now};
  assign issue = out_credit[0] && !lacks && (!in_frame || filled >= need) && (!first || (length_valid && filled != 0));

  always_ff @(posedge clk)
    if (rst) begin
      first <= 1'b1;
      last <= BEATS == 1;
      in_frame <= PAD_T == 0 && PAD_F == 0;
      fold <= '0;
      kx <= '0;
      ky <= '0;
      column <= -column_t'(PAD_F);
      above <= row_t'(PAD_T);
      need <= count_t'(1 - PAD_F - PAD_T * FREQ);
      frees <= BEATS == 1 ? freed('0, '0, '0) : '0;
      address <= ring(-PAD_T * FREQ - PAD_F, 0);
    end else if (issue) begin
      first <= utterance_ends;
      last <= next_last;
      in_frame <= next_in_frame;
      fold <= next_fold;
      kx <= next_kx;
      ky <= next_ky;
      column <= next_column;
      above <= next_above;
      need <= next_need;
      frees <= next_last ? freed(next_column, next_above, next_frees) : '0;
      address <= next_address;
    end

  always_ff @(posedge clk)
    if (issue) rows_left <= (first ? length_data : rows_left) - (line_ends ? 16'(line_frees) : '0);

  // ---- output

  logic padded;
  always_ff @(posedge clk) if (issue) padded <= !in_frame;
  hwsv_delay pushes (.clk, .rst, .d(issue), .q(out_push[0]));
  assign length_pop = issue && first;
  assign out_issue = issue;
  if (MARK != 0) begin : marked
    assign out_data = {padded, padded ? '0 : word};
  end else begin : filled_in
    assign out_data = padded ? {LANES{BITS'(PAD_CODE)}} : word;
  end
endmodule
