// Thresholds: out = BASE + STEP * #{l : x >= thresholds[fold][lane][l]}; a falling lane counts x < threshold instead.
// D = 3: 1 threshold memory read, 2 compare, 3 count.
module hwsv_threshold #(
    parameter int     LANES            = 1,
    parameter int     LEVELS           = 1,
    parameter int     X_BITS           = 8,
    parameter int     X_KIND           = 1,   // hwsv_element
    parameter int     T_BITS           = 8,   // of a threshold; its type holds every x too
    parameter int     T_KIND           = 1,
    parameter int     OUT_BITS         = 1,
    parameter int     OUT_KIND         = 2,
    parameter int     VALUE_BITS       = 2,   // signed, holds every output
    parameter         BASE             = -1,
    parameter         STEP             = 2,
    parameter int     SHARED           = 0,   // 1: the thresholds of one lane serve all
    parameter int     ANY_FALLING      = 0,   // 1: there is a memory of one bit a lane
    parameter         THRESHOLDS_FILE  = "",  // word [fold]: LEVELS ascending thresholds a lane
    parameter int     THRESHOLDS_BITS  = 8,
    parameter int     THRESHOLDS_DEPTH = 1,
    parameter int     THRESHOLDS_BLOCK = 0,
    parameter         FALLING_FILE     = "",
    parameter int     FALLING_BITS     = 1,
    parameter int     FALLING_DEPTH    = 1,
    parameter int     FALLING_BLOCK    = 0
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
  if (LANES < 1 || LEVELS < 1) begin : bad_lanes
    $error("threshold: LANES and LEVELS must be at least 1");
  end
  if (THRESHOLDS_BITS != TABLES * LEVELS * T_BITS) begin : bad_thresholds
    $error("threshold: the threshold memory must hold LEVELS thresholds a lane");
  end
  if (ANY_FALLING != 0 && (FALLING_BITS != TABLES || FALLING_DEPTH != THRESHOLDS_DEPTH)) begin : bad_falling
    $error("threshold: the memory of falling lanes must hold a bit a lane");
  end

  localparam logic [VALUE_BITS-1:0] MAGNITUDE = VALUE_BITS'(STEP < 0 ? -STEP : STEP);

  logic issue;
  assign issue = in_valid[0] && out_credit[0];
  assign in_pop = issue;
  assign out_issue = issue;
  logic counts;
  hwsv_delay #(.CYCLES(2)) results (.clk, .rst, .d(issue), .q(counts));
  hwsv_delay pushes (.clk, .rst, .d(counts), .q(out_push[0]));

  localparam int FOLD_BITS = THRESHOLDS_DEPTH > 1 ? $clog2(THRESHOLDS_DEPTH) : 1;
  logic [FOLD_BITS-1:0] fold;
  always_ff @(posedge clk)
    if (rst) fold <= '0;
    else if (issue) fold <= fold == FOLD_BITS'(THRESHOLDS_DEPTH - 1) ? '0 : fold + 1'b1;

  logic [THRESHOLDS_BITS-1:0] thresholds1;
  logic [TABLES-1:0] falling1;
  logic [LANES*X_BITS-1:0] word1;
  hwsv_rom #(
      .WIDTH(THRESHOLDS_BITS), .DEPTH(THRESHOLDS_DEPTH), .FILE(THRESHOLDS_FILE), .BLOCK(THRESHOLDS_BLOCK), .STAGES(1)
  ) thresholds (
      .clk, .address(fold), .data(thresholds1)
  );
  if (ANY_FALLING != 0) begin : falling
    hwsv_rom #(
        .WIDTH(FALLING_BITS), .DEPTH(FALLING_DEPTH), .FILE(FALLING_FILE), .BLOCK(FALLING_BLOCK), .STAGES(1)
    ) directions (
        .clk, .address(fold), .data(falling1)
    );
  end else begin : rising
    assign falling1 = '0;
  end
  always_ff @(posedge clk) word1 <= in_data;

  for (genvar lane = 0; lane < LANES; lane++) begin : lanes
    localparam int TABLE = SHARED != 0 ? 0 : lane;
    logic [T_BITS-1:0] x;
    if (X_KIND == 0) begin : unsigned_x
      assign x = T_BITS'(word1[lane*X_BITS+:X_BITS]);
    end else begin : signed_x
      hwsv_element #(.BITS(X_BITS), .KIND(X_KIND), .OUT_BITS(T_BITS)) element (
          .code(word1[lane*X_BITS+:X_BITS]), .value(x)
      );
    end

    logic [LEVELS-1:0] passed, passed2;
    for (genvar level = 0; level < LEVELS; level++) begin : levels
      logic [T_BITS-1:0] limit;
      logic reached;
      assign limit = thresholds1[(TABLE*LEVELS+level)*T_BITS+:T_BITS];
      assign reached = T_KIND == 0 ? x >= limit : signed'(x) >= signed'(limit);
      assign passed[level] = reached ^ falling1[TABLE];
    end

    logic signed [VALUE_BITS-1:0] count, value;
    always_comb begin
      count = '0;
      for (int i = 0; i < LEVELS; i++) count += VALUE_BITS'(passed2[i]);
      value = VALUE_BITS'(BASE);
      for (int b = 0; b < VALUE_BITS; b++)  // STEP * count without a multiplier
        if (MAGNITUDE[b]) value = STEP < 0 ? value - (count <<< b) : value + (count <<< b);
    end
    always_ff @(posedge clk) begin
      passed2 <= passed;
      if (counts) out_data[lane*OUT_BITS+:OUT_BITS] <= OUT_KIND == 2 ? OUT_BITS'(value > 0) : OUT_BITS'(value);
    end
  end
endmodule
