// Requantise: out = STEP * clip((x * mult[p] + bias[p]) >>> SHIFT, LOW, HIGH) + OFFSET with the channel's parameters;
// piece p is 1 where there are two and x >= split.
// D = 4: 1 multiplier and split read, 2 piece select and bias read, 3 multiply, 4 add, shift, saturate, scale.
module hwsv_requantise #(
    parameter int     LANES       = 1,
    parameter int     PIECES      = 1,
    parameter int     X_BITS      = 8,
    parameter int     X_KIND      = 1,   // hwsv_element, as the other KINDs
    parameter int     MULT_KIND   = 0,
    parameter int     BIAS_KIND   = 1,
    parameter int     SPLIT_KIND  = 1,
    parameter int     SUM_BITS    = 16,  // signed, holds every x * mult + bias
    parameter int     SHIFT       = 0,
    parameter int     CLIP_BITS   = 16,  // signed, holds the shifted sum, LOW and HIGH
    parameter         LOW         = -128,
    parameter         HIGH        = 127,
    parameter         STEP        = 1,
    parameter         OFFSET      = 0,
    parameter int     VALUE_BITS  = 8,   // signed, holds every output
    parameter int     OUT_BITS    = 8,
    parameter int     OUT_KIND    = 1,
    parameter int     SHARED      = 0,   // 1: the parameters of one lane serve all
    parameter         MULT_FILE   = "",  // word [fold]: PIECES values a lane
    parameter int     MULT_BITS   = 8,
    parameter int     MULT_DEPTH  = 1,
    parameter int     MULT_BLOCK  = 0,
    parameter         BIAS_FILE   = "",
    parameter int     BIAS_BITS   = 8,
    parameter int     BIAS_DEPTH  = 1,
    parameter int     BIAS_BLOCK  = 0,
    parameter         SPLIT_FILE  = "",  // word [fold]: one value a lane; with two pieces only
    parameter int     SPLIT_BITS  = 1,
    parameter int     SPLIT_DEPTH = 1,
    parameter int     SPLIT_BLOCK = 0
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic [               0:0] in_valid,
    input  logic [  LANES*X_BITS-1:0] in_data,
    output logic [               0:0] in_pop,
    input  logic [               0:0] out_credit,
    output logic [               0:0] out_issue,
    output logic [               0:0] out_push,
    output logic [LANES*OUT_BITS-1:0] out_data
);
  localparam int TABLES = SHARED != 0 ? 1 : LANES;
  localparam int M_BITS = MULT_BITS / (TABLES * PIECES), B_BITS = BIAS_BITS / (TABLES * PIECES);
  localparam int S_BITS = SPLIT_BITS / TABLES;
  if (LANES < 1 || PIECES < 1 || PIECES > 2) begin : bad_lanes
    $error("requantise: LANES must be at least 1, PIECES 1 or 2");
  end
  if (M_BITS * TABLES * PIECES != MULT_BITS || B_BITS * TABLES * PIECES != BIAS_BITS) begin : bad_memories
    $error("requantise: the memories must hold PIECES values a lane");
  end
  if (MULT_DEPTH != BIAS_DEPTH || PIECES == 2 && (S_BITS * TABLES != SPLIT_BITS || SPLIT_DEPTH != MULT_DEPTH))
  begin : bad_depths
    $error("requantise: the memories must have a word a fold");
  end

  logic issue, added;
  assign issue = in_valid[0] && out_credit[0];
  assign in_pop = issue;
  assign out_issue = issue;
  hwsv_delay #(.CYCLES(3)) sums (.clk, .rst, .d(issue), .q(added));
  hwsv_delay pushes (.clk, .rst, .d(added), .q(out_push[0]));

  localparam int FOLD_BITS = MULT_DEPTH > 1 ? $clog2(MULT_DEPTH) : 1;
  logic [FOLD_BITS-1:0] fold, fold1;
  always_ff @(posedge clk)
    if (rst) fold <= '0;
    else if (issue) fold <= fold == FOLD_BITS'(MULT_DEPTH - 1) ? '0 : fold + 1'b1;

  logic [MULT_BITS-1:0] mult1;
  logic [BIAS_BITS-1:0] bias2;
  logic [LANES*X_BITS-1:0] word1;
  hwsv_rom #(.WIDTH(MULT_BITS), .DEPTH(MULT_DEPTH), .FILE(MULT_FILE), .BLOCK(MULT_BLOCK), .STAGES(1)) mult (
      .clk, .address(fold), .data(mult1)
  );
  hwsv_rom #(.WIDTH(BIAS_BITS), .DEPTH(BIAS_DEPTH), .FILE(BIAS_FILE), .BLOCK(BIAS_BLOCK), .STAGES(1)) bias (
      .clk, .address(fold1), .data(bias2)
  );
  always_ff @(posedge clk) begin
    fold1 <= fold;
    word1 <= in_data;
  end

  localparam int X_WIDTH = X_KIND == 1 ? X_BITS : X_BITS + 1;  // of a signed value
  localparam int M_WIDTH = MULT_KIND == 1 ? M_BITS : M_BITS + 1;
  localparam int B_WIDTH = BIAS_KIND == 1 ? B_BITS : B_BITS + 1;
  localparam int S_WIDTH = SPLIT_KIND == 1 ? S_BITS : S_BITS + 1;
  localparam int PRODUCT_BITS = X_WIDTH + M_WIDTH < SUM_BITS ? X_WIDTH + M_WIDTH : SUM_BITS;
  localparam int COMPARE_BITS = X_WIDTH > S_WIDTH ? X_WIDTH : S_WIDTH;
  localparam logic signed [CLIP_BITS-1:0] LOWEST = CLIP_BITS'(LOW), HIGHEST = CLIP_BITS'(HIGH);
  localparam logic [VALUE_BITS-1:0] MAGNITUDE = VALUE_BITS'(STEP < 0 ? -STEP : STEP);

  logic [LANES-1:0] upper1;  // x >= split
  if (PIECES == 2) begin : two_pieces
    logic [SPLIT_BITS-1:0] split1;
    hwsv_rom #(.WIDTH(SPLIT_BITS), .DEPTH(SPLIT_DEPTH), .FILE(SPLIT_FILE), .BLOCK(SPLIT_BLOCK), .STAGES(1)) split (
        .clk, .address(fold), .data(split1)
    );
    for (genvar lane = 0; lane < LANES; lane++) begin : lanes
      logic signed [X_WIDTH-1:0] x;
      logic signed [S_WIDTH-1:0] limit;
      hwsv_element #(.BITS(X_BITS), .KIND(X_KIND), .OUT_BITS(X_WIDTH)) of_x (
          .code(word1[lane*X_BITS+:X_BITS]), .value(x)
      );
      hwsv_element #(.BITS(S_BITS), .KIND(SPLIT_KIND), .OUT_BITS(S_WIDTH)) of_split (
          .code(split1[(SHARED!=0?0:lane)*S_BITS+:S_BITS]), .value(limit)
      );
      assign upper1[lane] = COMPARE_BITS'(x) >= COMPARE_BITS'(limit);
    end
  end else begin : one_piece
    assign upper1 = '0;
  end

  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    localparam int LOWER = (SHARED != 0 ? 0 : lane) * PIECES, UPPER = LOWER + PIECES - 1;

    logic upper2;
    logic [X_BITS-1:0] code2;
    logic [M_BITS-1:0] mult2;
    logic [B_BITS-1:0] bias3;
    always_ff @(posedge clk) begin
      upper2 <= upper1[lane];
      code2 <= word1[lane*X_BITS+:X_BITS];
      mult2 <= upper1[lane] ? mult1[UPPER*M_BITS+:M_BITS] : mult1[LOWER*M_BITS+:M_BITS];
      bias3 <= upper2 ? bias2[UPPER*B_BITS+:B_BITS] : bias2[LOWER*B_BITS+:B_BITS];
    end

    logic signed [X_WIDTH-1:0] x2;
    logic signed [M_WIDTH-1:0] m2;
    logic signed [B_WIDTH-1:0] b3;
    hwsv_element #(.BITS(X_BITS), .KIND(X_KIND), .OUT_BITS(X_WIDTH)) of_x (.code(code2), .value(x2));
    hwsv_element #(.BITS(M_BITS), .KIND(MULT_KIND), .OUT_BITS(M_WIDTH)) of_mult (.code(mult2), .value(m2));
    hwsv_element #(.BITS(B_BITS), .KIND(BIAS_KIND), .OUT_BITS(B_WIDTH)) of_bias (.code(bias3), .value(b3));

    logic signed [PRODUCT_BITS-1:0] product, product3;
    if (M_BITS <= 2) begin : small_mult  // an adder, not a DSP
      always_comb begin
        product = m2[M_WIDTH-1] ? -(PRODUCT_BITS'(x2) <<< (M_WIDTH - 1)) : '0;
        for (int b = 0; b < M_WIDTH - 1; b++) product += m2[b] ? PRODUCT_BITS'(x2) <<< b : '0;
      end
    end else begin : multiplier
      assign product = x2 * m2;
    end

    logic signed [SUM_BITS-1:0] sum;
    logic signed [CLIP_BITS-1:0] shifted;
    logic signed [VALUE_BITS-1:0] clipped, value;
    assign sum = SUM_BITS'(product3) + SUM_BITS'(b3);
    assign shifted = CLIP_BITS'(sum >>> SHIFT);
    always_comb begin
      if (shifted < LOWEST) clipped = VALUE_BITS'(LOWEST);
      else if (shifted > HIGHEST) clipped = VALUE_BITS'(HIGHEST);
      else clipped = VALUE_BITS'(shifted);
      value = VALUE_BITS'(OFFSET);
      for (int b = 0; b < VALUE_BITS; b++)  // STEP * clipped without a multiplier
        if (MAGNITUDE[b]) value = STEP < 0 ? value - (clipped <<< b) : value + (clipped <<< b);
    end
    always_ff @(posedge clk) begin
      product3 <= product;
      if (added) out_data[lane*OUT_BITS+:OUT_BITS] <= OUT_KIND == 2 ? OUT_BITS'(value > 0) : OUT_BITS'(value);
    end
  end
endmodule
