// Matrix-vector unit: PE dot products of SIMD lanes a beat, accumulated over the synapse folds. XNOR-popcount where
// both operands are bipolar, multiply-add otherwise; a marked (padded) word adds 0 whatever its lanes say.
//
// D = 5: 1 weight and replay memory read, 2 their output registers, 3 XNOR and popcount (or products) of groups of
// lanes, 4 their sum, 5 accumulate. Words are popped in neuron fold 0, kept, and replayed for the other folds.
module hwsv_mvtu #(
    parameter int PE                  = 1,
    parameter int SIMD                = 1,
    parameter int NEURON_FOLDS        = 1,
    parameter int SYNAPSE_FOLDS       = 1,
    parameter int X_BITS              = 1,
    parameter int X_KIND              = 2,   // hwsv_element
    parameter int PAD_MARK            = 0,   // 1: the bit above the last lane marks a padded word
    parameter int W_BITS              = 1,
    parameter int W_KIND              = 2,
    parameter int ACC_BITS            = 8,   // holds every result; sums may wrap on their way
    parameter int ACC_KIND            = 1,
    parameter     WEIGHTS_FILE        = "",  // word [neuron fold * SYNAPSE_FOLDS + synapse fold]: PE rows of SIMD
    parameter int WEIGHTS_BITS        = 1,
    parameter int WEIGHTS_DEPTH       = 1,
    parameter int WEIGHTS_BLOCK       = 0,
    parameter int INPUT_BUFFERS_BLOCK = 0
) (
    input  logic                            clk,
    input  logic                            rst,
    input  logic [                     0:0] in_valid,
    input  logic [SIMD*X_BITS+PAD_MARK-1:0] in_data,
    output logic [                     0:0] in_pop,
    input  logic [                     0:0] out_credit,
    output logic [                     0:0] out_issue,
    output logic [                     0:0] out_push,
    output logic [         PE*ACC_BITS-1:0] out_data
);
  if (PE < 1 || SIMD < 1 || NEURON_FOLDS < 1 || SYNAPSE_FOLDS < 1) begin : bad_folding
    $error("mvtu: PE, SIMD and both folds must be at least 1");
  end
  if (WEIGHTS_BITS != PE * SIMD * W_BITS || WEIGHTS_DEPTH != NEURON_FOLDS * SYNAPSE_FOLDS) begin : bad_weights
    $error("mvtu: the weight memory must hold PE * SIMD weights a beat");
  end
  if (X_KIND == 2 && X_BITS != 1 || W_KIND == 2 && W_BITS != 1 || ACC_KIND == 2 && ACC_BITS != 1) begin : bad_bits
    $error("mvtu: a bipolar element has one bit");
  end
  if (PAD_MARK < 0 || PAD_MARK > 1) begin : bad_pad_mark
    $error("mvtu: PAD_MARK must be 0 or 1");
  end

  localparam int WORD_BITS = SIMD * X_BITS + PAD_MARK;
  localparam int BEAT_BITS = WEIGHTS_DEPTH > 1 ? $clog2(WEIGHTS_DEPTH) : 1;
  localparam int SYNAPSE_BITS = SYNAPSE_FOLDS > 1 ? $clog2(SYNAPSE_FOLDS) : 1;

  // ------------------------------------------------------------------------------------------------ beats
  logic [BEAT_BITS-1:0] beat;
  logic [SYNAPSE_BITS-1:0] synapse;
  logic fresh;  // neuron fold 0: the word comes from the channel
  logic issue, last;
  assign last = synapse == SYNAPSE_BITS'(SYNAPSE_FOLDS - 1);
  assign issue = (in_valid[0] || !fresh) && (out_credit[0] || !last);
  assign in_pop = issue && fresh;
  assign out_issue = issue && last;

  always_ff @(posedge clk)
    if (rst) begin
      beat <= '0;
      synapse <= '0;
      fresh <= 1'b1;
    end else if (issue) begin
      beat <= beat == BEAT_BITS'(WEIGHTS_DEPTH - 1) ? '0 : beat + 1'b1;
      synapse <= last ? '0 : synapse + 1'b1;
      if (last) fresh <= beat == BEAT_BITS'(WEIGHTS_DEPTH - 1);
    end

  // beats and ends of neuron folds on their way
  logic issued4, push4;
  hwsv_delay #(.WIDTH(2), .CYCLES(4)) beats (.clk, .rst, .d({issue, out_issue}), .q({issued4, push4}));
  always_ff @(posedge clk) out_push <= !rst && push4;

  // ------------------------------------------------------------------------------------------------ 1, 2: operands
  logic [WEIGHTS_BITS-1:0] weights2;
  hwsv_rom #(
      .WIDTH(WEIGHTS_BITS), .DEPTH(WEIGHTS_DEPTH), .FILE(WEIGHTS_FILE), .BLOCK(WEIGHTS_BLOCK), .STAGES(2)
  ) weights (
      .clk, .address(beat), .data(weights2)
  );

  logic [WORD_BITS-1:0] word2;
  if (NEURON_FOLDS == 1 || SYNAPSE_FOLDS == 1) begin : keep_one
    logic [WORD_BITS-1:0] word1;
    always_ff @(posedge clk) begin
      if (fresh) word1 <= in_data;
      word2 <= word1;
    end
  end else begin : replay  // a fresh word goes through the buffer, too
    logic [SYNAPSE_BITS-1:0] synapse1;
    always_ff @(posedge clk) synapse1 <= synapse;
    hwsv_ram #(.WIDTH(WORD_BITS), .DEPTH(SYNAPSE_FOLDS), .BLOCK(INPUT_BUFFERS_BLOCK)) input_buffer (
        .clk, .write(in_pop[0]), .write_address(synapse), .write_data(in_data),
        .read_address(synapse1), .read_data(word2)
    );
  end

  logic padded3;
  if (PAD_MARK == 1) begin : marked
    always_ff @(posedge clk) padded3 <= word2[WORD_BITS-1];
  end else begin : unmarked
    assign padded3 = 1'b0;
  end

  // ------------------------------------------------------------------------------------------------ 3, 4: dot products
  // Bipolar operands: dot = 2 * equal - SIMD. A beat adds 2 * equal, a padded one SIMD, and a sum starts at minus the
  // number of its synapses, so that nothing but counts is added on the way.
  localparam bit BINARY = X_KIND == 2 && W_KIND == 2;
  localparam bit WIDE = X_BITS > 4 && W_BITS > 4;  // worth a DSP; narrower products are sums of shifted x
  // lanes summed in stage 3: seven bits fill a three-bit count; about eight partial products otherwise
  localparam int SUMMANDS = X_KIND == 2 || W_KIND == 2 ? 1 : W_BITS;
  localparam int WISHED = BINARY ? (SIMD <= 64 ? 7 : SIMD <= 256 ? 15 : 31) : WIDE || SUMMANDS > 8 ? 1 : 8 / SUMMANDS;
  localparam int GROUP = WISHED < SIMD ? WISHED : SIMD;
  localparam int GROUPS = (SIMD + GROUP - 1) / GROUP;
  localparam int PRODUCT_BITS = X_BITS + W_BITS + int'(X_KIND == 0 && W_KIND == 0);
  localparam int SUM_BITS = ACC_BITS < 2 ? 2 : ACC_BITS;
  localparam logic [SUM_BITS-1:0] START = BINARY ? -SUM_BITS'(SYNAPSE_FOLDS * SIMD) : '0;
  typedef logic signed [PRODUCT_BITS-1:0] product_t;

  function automatic int least(input int a, input int b);
    return a < b ? a : b;
  endfunction

  // The product of two elements of which one at least is an integer.
  function automatic product_t product(input logic [X_BITS-1:0] x, input logic [W_BITS-1:0] w);
    product_t x_value = X_KIND == 0 ? product_t'(x) : product_t'(signed'(x));
    product_t w_value = W_KIND == 0 ? product_t'(w) : product_t'(signed'(w));
    product_t row;
    if (X_KIND == 2) return (w_value ^ {PRODUCT_BITS{!x[0]}}) + product_t'(!x[0]);
    if (W_KIND == 2) return (x_value ^ {PRODUCT_BITS{!w[0]}}) + product_t'(!w[0]);
    if (WIDE) return x_value * w_value;
    product = '0;
    for (int b = 0; b < W_BITS; b++) begin
      row = w[b] ? x_value <<< b : '0;
      product = W_KIND == 1 && b == W_BITS - 1 ? product - row : product + row;
    end
  endfunction

  for (genvar pe = 0; pe < PE; pe++) begin : pes
    logic [SUM_BITS-1:0] addend4, acc, sum;

    if (BINARY) begin : popcount
      localparam int COUNT_BITS = $clog2(GROUP + 1);
      localparam int TOTAL_BITS = least($clog2(SIMD + 1), SUM_BITS - 1);
      logic [SIMD-1:0] equal;
      logic [GROUPS-1:0][COUNT_BITS-1:0] count, count3;
      logic [TOTAL_BITS-1:0] total;
      logic [TOTAL_BITS:0] total4;
      assign equal = ~(word2[SIMD-1:0] ^ weights2[pe*SIMD+:SIMD]);
      always_comb begin
        count = '0;
        for (int i = 0; i < SIMD; i++) count[i/GROUP] += COUNT_BITS'(equal[i]);
      end
      always_comb begin
        total = '0;
        for (int i = 0; i < GROUPS; i++) total += TOTAL_BITS'(count3[i]);
      end
      always_ff @(posedge clk) begin
        count3 <= count;
        total4 <= padded3 ? (TOTAL_BITS + 1)'(SIMD) : {total, 1'b0};
      end
      assign addend4 = SUM_BITS'(total4);
    end else begin : multiply
      localparam int PART_BITS = least(PRODUCT_BITS + $clog2(GROUP), SUM_BITS);
      localparam int TOTAL_BITS = least(PRODUCT_BITS + $clog2(SIMD), SUM_BITS);
      logic signed [PART_BITS-1:0] part[GROUPS], part3[GROUPS];
      logic signed [TOTAL_BITS-1:0] total, total4;
      always_comb begin
        part = '{default: '0};
        for (int i = 0; i < SIMD; i++)
          part[i/GROUP] += PART_BITS'(product(word2[i*X_BITS+:X_BITS], weights2[(pe*SIMD+i)*W_BITS+:W_BITS]));
      end
      always_comb begin
        total = '0;
        for (int i = 0; i < GROUPS; i++) total += TOTAL_BITS'(part3[i]);
      end
      always_ff @(posedge clk) begin
        part3 <= part;
        total4 <= padded3 ? '0 : total;
      end
      assign addend4 = SUM_BITS'(total4);
    end

    // 5: the last beat of a neuron fold leaves with the sum, and the next one starts anew
    assign sum = acc + addend4;
    always_ff @(posedge clk) begin
      if (rst || push4) acc <= START;
      else if (issued4) acc <= sum;
      if (push4) out_data[pe*ACC_BITS+:ACC_BITS] <= ACC_KIND == 2 ? ACC_BITS'(!sum[SUM_BITS-1]) : ACC_BITS'(sum);
    end
  end
endmodule
