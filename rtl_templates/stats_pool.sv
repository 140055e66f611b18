// Mean and deviation pooling (hwsv/units/stats_pool.py): over the N positions of an utterance S1 = sum x, S2 = sum x^2;
// the mean is MEAN_OFFSET + #{i: MEAN_MULT * S1 >= mean[i] * N}, the deviation #{i: DEV_MULT * V >= dev[i] * N^2} with
// V = N * S2 - S1^2. No division: N is counted from the length that comes with the utterance.
//
// Two actors share two banks of sums. `accumulate` (D = 0) claims a bank with an utterance's first word and completes it
// with the last; `drain` (D = 4) takes PERIOD beats a value: OVERHEAD, and one for each threshold.
module hwsv_stats_pool #(
    parameter int LANES              = 1,
    parameter int FOLDS              = 4,   // input words of a pixel
    parameter int FREQ               = 2,   // pixels of a frame
    parameter int OVER_FREQ          = 1,   // 1: pool over time and frequency, 0: over time
    parameter int OVERHEAD           = 6,
    parameter int IN_BITS            = 8,
    parameter int IN_KIND            = 1,
    parameter int OUT_BITS           = 8,
    parameter int SUM_BITS           = 25,  // signed
    parameter int SQUARE_BITS        = 31,  // unsigned
    parameter int POSITION_BITS      = 18,  // signed
    parameter int MEAN_MULT          = 1,
    parameter int MEAN_MULT_BITS     = 2,   // signed
    parameter int MEAN_OFFSET        = 0,
    parameter int MEAN_KIND          = 1,
    parameter int DEV_MULT           = 1,
    parameter int DEV_MULT_BITS      = 2,   // signed
    parameter int DEV_KIND           = 0,
    parameter     MEAN_FILE          = "",
    parameter int MEAN_BITS          = 8,
    parameter int MEAN_DEPTH         = 3,
    parameter int MEAN_BLOCK         = 0,
    parameter     DEV_FILE           = "",
    parameter int DEV_BITS           = 8,
    parameter int DEV_DEPTH          = 3,
    parameter int DEV_BLOCK          = 0,
    parameter int ACCUMULATORS_BLOCK = 0
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic [              0:0] in_valid,
    input  logic [LANES*IN_BITS-1:0] in_data,
    output logic [              0:0] in_pop,
    input  logic                     length_valid,
    input  logic [             15:0] length_data,
    output logic                     length_pop,
    input  logic [              0:0] out_credit,
    output logic [              0:0] out_issue,
    output logic [              0:0] out_push,
    output logic [     OUT_BITS-1:0] out_data
);
  if (LANES < 1 || FOLDS < 1 || FREQ < 1 || MEAN_DEPTH < 1 || DEV_DEPTH < 1) begin : bad_shape
    $error("stats_pool: LANES, FOLDS, FREQ, MEAN_DEPTH and DEV_DEPTH must be at least 1");
  end
  if (OVERHEAD < 6) begin : bad_overhead
    $error("stats_pool: a value takes 6 beats beside those of its thresholds");
  end

  localparam int WORDS = FREQ * FOLDS;  // of a frame
  localparam int ROWS = OVER_FREQ != 0 ? FOLDS : WORDS;  // of a bank
  localparam int POOLED = OVER_FREQ != 0 ? FREQ : 1;  // positions of a frame
  localparam int LEVELS = MEAN_DEPTH > DEV_DEPTH ? MEAN_DEPTH : DEV_DEPTH;
  localparam int PERIOD = LEVELS + OVERHEAD;
  localparam int COUNT_BITS = 2 * POSITION_BITS - 2;  // of N^2: the largest N is a power of two
  localparam int VALUE_BITS = SUM_BITS + SQUARE_BITS;
  localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int LANE_BITS = LANES > 1 ? $clog2(LANES) : 1;
  localparam int BEAT_BITS = $clog2(PERIOD);
  localparam int MEAN_ADDRESS_BITS = MEAN_DEPTH > 1 ? $clog2(MEAN_DEPTH) : 1;
  localparam int DEV_ADDRESS_BITS = DEV_DEPTH > 1 ? $clog2(DEV_DEPTH) : 1;

  // banks: complete and not yet freed; each side sees the other's beat a cycle later
  logic [1:0] banks;
  logic complete, free, fill_bank, drain_bank;
  always_ff @(posedge clk)
    if (rst) begin
      banks      <= '0;
      fill_bank  <= 1'b0;
      drain_bank <= 1'b0;
    end else begin
      banks      <= banks + 2'(complete) - 2'(free);
      fill_bank  <= fill_bank ^ complete;
      drain_bank <= drain_bank ^ free;
    end

  // accumulate: beats
  logic issue, first_word, last_word, fresh, last_row;  // fresh: rows are written for the first time
  logic [WORD_BITS-1:0] word;
  logic [ROW_BITS-1:0] row;
  logic [15:0] left, frames_left, frames[2];  // frames that are not complete yet; of each bank
  assign last_word = word == WORD_BITS'(WORDS - 1);
  assign last_row = row == ROW_BITS'(ROWS - 1);
  assign left = first_word ? length_data : frames_left;
  assign issue = in_valid[0] && (!first_word || (length_valid && banks != 2'd2));
  assign complete = issue && last_word && left == 16'd1;
  assign in_pop = issue;
  assign length_pop = issue && first_word;

  always_ff @(posedge clk)
    if (rst) begin
      word       <= '0;
      row        <= '0;
      first_word <= 1'b1;
      fresh      <= 1'b1;
    end else if (issue) begin
      word        <= last_word ? '0 : word + 1'b1;
      row         <= last_row ? '0 : row + 1'b1;
      first_word  <= complete;
      fresh       <= complete || (fresh && !last_row);
      frames_left <= left - 16'(last_word);
    end
  always_ff @(posedge clk) if (length_pop) frames[fill_bank] <= length_data;

  // accumulate: square, add; a word is in its row three cycles after its beat (block RAM: four)
  logic [LANES*IN_BITS-1:0] codes;
  logic square_valid, square_bank, square_fresh, add_valid, add_bank, add_fresh;
  always_ff @(posedge clk) begin
    codes                       <= in_data;
    {square_bank, square_fresh} <= {fill_bank, fresh};
    {add_bank, add_fresh}       <= {square_bank, square_fresh};
    {square_valid, add_valid}   <= rst ? '0 : {issue, square_valid};
  end

  logic [ROW_BITS-1:0] drain_row;
  logic [LANES*VALUE_BITS-1:0] sums[2], drained[2], updated[2];
  for (genvar bank = 0; bank < 2; bank++) begin : accumulators
    hwsv_partials #(.WIDTH(LANES * VALUE_BITS), .ROWS(ROWS), .BLOCK(ACCUMULATORS_BLOCK)) rows (
        .clk, .row(banks != '0 && drain_bank == 1'(bank) ? drain_row : row), .peek(drained[bank]), .word(sums[bank]),
        .update(add_valid && add_bank == 1'(bank)), .next(updated[bank])
    );
  end
  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    logic signed [IN_BITS:0] x, x_add;
    logic signed [2*IN_BITS+1:0] square;
    hwsv_element #(.BITS(IN_BITS), .KIND(IN_KIND), .OUT_BITS(IN_BITS + 1)) of_input (
        .code(codes[lane*IN_BITS+:IN_BITS]), .value(x)
    );
    always_ff @(posedge clk) begin
      x_add  <= x;
      square <= x * x;
    end
    for (genvar bank = 0; bank < 2; bank++) begin : add
      logic signed [SUM_BITS-1:0] sum;
      logic [SQUARE_BITS-1:0] squares;
      assign {squares, sum} = add_fresh ? '0 : sums[bank][lane*VALUE_BITS+:VALUE_BITS];
      assign updated[bank][lane*VALUE_BITS+:VALUE_BITS] = {squares + SQUARE_BITS'(square), sum + SUM_BITS'(x_add)};
    end
  end

  // drain: beats. Values leave in the order frequency, mean | deviation, channel = fold x lane
  logic draining, start, last_lane, last_fold, last_pixel, deviation;
  logic [BEAT_BITS-1:0] beat;
  logic [LANE_BITS-1:0] drain_lane;
  logic [FOLD_BITS-1:0] drain_fold;
  logic [ROW_BITS-1:0] pixel_row;
  assign start = !draining && banks != '0;
  assign out_issue = draining && beat == BEAT_BITS'(PERIOD - 1) && out_credit[0];
  assign last_lane = drain_lane == LANE_BITS'(LANES - 1);
  assign last_fold = drain_fold == FOLD_BITS'(FOLDS - 1) && last_lane;
  assign last_pixel = pixel_row == ROW_BITS'(ROWS - FOLDS);
  assign free = out_issue[0] && last_fold && deviation && last_pixel;
  assign drain_row = pixel_row + ROW_BITS'(drain_fold);
  logic counted;
  hwsv_delay #(.CYCLES(3)) values (.clk, .rst, .d(out_issue[0]), .q(counted));
  hwsv_delay #(.CYCLES(4)) pushes (.clk, .rst, .d(out_issue), .q(out_push));

  always_ff @(posedge clk)
    if (rst) begin
      draining   <= 1'b0;
      beat       <= '0;
      drain_lane <= '0;
      drain_fold <= '0;
      deviation  <= 1'b0;
      pixel_row  <= '0;
    end else begin
      draining <= start || (draining && !free);
      if (out_issue[0]) beat <= '0;
      else if (draining && beat != BEAT_BITS'(PERIOD - 1)) beat <= beat + 1'b1;
      if (out_issue[0]) begin
        drain_lane <= last_lane ? '0 : drain_lane + 1'b1;
        if (last_lane) drain_fold <= last_fold ? '0 : drain_fold + 1'b1;
        deviation <= deviation ^ last_fold;
        if (last_fold && deviation) pixel_row <= last_pixel ? '0 : pixel_row + ROW_BITS'(FOLDS);
      end
    end

  // Drain: arithmetic. It runs freely; in the comments [c] is cycle c after the value's beat 0, in which a signal has
  // the value's data (until [c + PERIOD - 1] at least, since counters move on with the next value). The sums of a
  // bank that has just been completed can be read from [2] on.
  logic signed [POSITION_BITS-1:0] positions;  // N [0]
  logic signed [COUNT_BITS-1:0] positions_squared;  // N^2 [3]
  always_ff @(posedge clk) positions <= POSITION_BITS'(32'(frames[drain_bank]) * POOLED);
  hwsv_multiply #(.A_BITS(POSITION_BITS), .B_BITS(POSITION_BITS), .PRODUCT_BITS(COUNT_BITS)) squared (
      .clk, .a(positions), .b(positions), .product(positions_squared)
  );

  localparam int SCALED_SUM_BITS = SUM_BITS + DEV_MULT_BITS, SCALED_SQUARE_BITS = SQUARE_BITS + 1 + DEV_MULT_BITS;
  localparam int SCALED_MEAN_BITS = SUM_BITS + MEAN_MULT_BITS;
  localparam int SQUARED_BITS = SUM_BITS + SCALED_SUM_BITS, COUNTED_BITS = POSITION_BITS + SCALED_SQUARE_BITS;
  logic signed [SUM_BITS-1:0] sum;  // S1 [4]
  logic [SQUARE_BITS-1:0] squares;  // S2 [4]
  logic signed [SCALED_SUM_BITS-1:0] scaled_sum;  // DEV_MULT * S1 [5]
  logic signed [SCALED_SQUARE_BITS-1:0] scaled_squares;  // DEV_MULT * S2 [5]
  logic signed [SCALED_MEAN_BITS-1:0] scaled_mean;  // MEAN_MULT * S1 [5]
  logic signed [SQUARED_BITS-1:0] squared_sum;  // DEV_MULT * S1^2 [8]
  logic signed [COUNTED_BITS-1:0] counted_squares;  // DEV_MULT * N * S2 [8]
  always_ff @(posedge clk) begin
    {squares, sum} <= drained[drain_bank][32'(drain_lane)*VALUE_BITS+:VALUE_BITS];
    scaled_sum     <= SCALED_SUM_BITS'(sum) * SCALED_SUM_BITS'(DEV_MULT);
    scaled_squares <= signed'(SCALED_SQUARE_BITS'(squares)) * SCALED_SQUARE_BITS'(DEV_MULT);
    scaled_mean    <= SCALED_MEAN_BITS'(sum) * SCALED_MEAN_BITS'(MEAN_MULT);
  end
  hwsv_multiply #(.A_BITS(SUM_BITS), .B_BITS(SCALED_SUM_BITS)) square_of_sum (
      .clk, .a(sum), .b(scaled_sum), .product(squared_sum)
  );
  hwsv_multiply #(.A_BITS(POSITION_BITS), .B_BITS(SCALED_SQUARE_BITS)) count_times_squares (
      .clk, .a(positions), .b(scaled_squares), .product(counted_squares)
  );

  // thresholds: level i is read in [4 + i], multiplied from [6 + i], compared in [9 + i]
  localparam int LEVEL_BITS = (MEAN_BITS > DEV_BITS ? MEAN_BITS : DEV_BITS) + 1;
  localparam int LIMIT_BITS = LEVEL_BITS + COUNT_BITS;
  localparam int COMPARE_BITS = (COUNTED_BITS > LIMIT_BITS ? COUNTED_BITS : LIMIT_BITS) + 1;
  logic [BEAT_BITS-1:0] level;
  logic [MEAN_BITS-1:0] mean_code;
  logic [DEV_BITS-1:0] dev_code;
  logic signed [LEVEL_BITS-1:0] mean_level, dev_level;
  logic signed [LIMIT_BITS-1:0] limit;  // level * N or * N^2
  logic compares, compare, compares_first, compare_first, compare_deviation;
  logic signed [COMPARE_BITS-1:0] scaled;  // [9]
  assign level = beat - BEAT_BITS'(4);
  assign compares = beat >= BEAT_BITS'(4) && level < (deviation ? BEAT_BITS'(DEV_DEPTH) : BEAT_BITS'(MEAN_DEPTH));
  assign compares_first = beat == BEAT_BITS'(4);
  hwsv_rom #(.WIDTH(MEAN_BITS), .DEPTH(MEAN_DEPTH), .FILE(MEAN_FILE), .BLOCK(MEAN_BLOCK)) mean_levels (
      .clk, .address(MEAN_ADDRESS_BITS'(level)), .data(mean_code)
  );
  hwsv_rom #(.WIDTH(DEV_BITS), .DEPTH(DEV_DEPTH), .FILE(DEV_FILE), .BLOCK(DEV_BLOCK)) dev_levels (
      .clk, .address(DEV_ADDRESS_BITS'(level)), .data(dev_code)
  );
  hwsv_element #(.BITS(MEAN_BITS), .KIND(MEAN_KIND), .OUT_BITS(LEVEL_BITS)) of_mean (.code(mean_code), .value(mean_level));
  hwsv_element #(.BITS(DEV_BITS), .KIND(DEV_KIND), .OUT_BITS(LEVEL_BITS)) of_dev (.code(dev_code), .value(dev_level));
  hwsv_multiply #(.A_BITS(LEVEL_BITS), .B_BITS(COUNT_BITS)) limits (
      .clk, .a(deviation ? dev_level : mean_level),
      .b(deviation ? positions_squared : COUNT_BITS'(positions)), .product(limit)
  );
  hwsv_delay #(.WIDTH(3), .CYCLES(5)) to_compare (
      .clk, .rst, .d({compares, compares_first, deviation}), .q({compare, compare_first, compare_deviation})
  );

  logic [OUT_BITS-1:0] value, value_next;
  assign value_next = (!compare_first ? value : compare_deviation ? '0 : OUT_BITS'(MEAN_OFFSET))
      + OUT_BITS'(compare && scaled >= COMPARE_BITS'(limit));
  always_ff @(posedge clk) begin
    scaled <= compare_deviation ? COMPARE_BITS'(counted_squares) - COMPARE_BITS'(squared_sum)
        : COMPARE_BITS'(scaled_mean);  // as it was in [8] and is until [c + PERIOD + 4]
    value <= value_next;
    if (counted) out_data <= value_next;
  end
endmodule
