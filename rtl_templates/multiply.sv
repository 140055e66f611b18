// Product of two signed numbers, three cycles later: 18-bit partial products (a DSP each), their sums, the sum of those.
module hwsv_multiply #(
    parameter int A_BITS       = 18,
    parameter int B_BITS       = 18,
    parameter int PRODUCT_BITS = A_BITS + B_BITS
) (
    input  logic                           clk,
    input  logic signed [      A_BITS-1:0] a,
    input  logic signed [      B_BITS-1:0] b,
    output logic signed [PRODUCT_BITS-1:0] product
);
  localparam int LIMB = 17;  // bits without a sign; the highest limb has one
  if (A_BITS < 2 || B_BITS < 2) begin : bad_bits
    $error("multiply: A_BITS and B_BITS must be at least 2");
  end
  if (PRODUCT_BITS <= LIMB) begin : bad_product_bits
    $error("multiply: PRODUCT_BITS must be at least 18");
  end

  localparam int A_LIMBS = (A_BITS + LIMB - 2) / LIMB, B_LIMBS = (B_BITS + LIMB - 2) / LIMB;

  localparam int PARTIAL_BITS = PRODUCT_BITS < 2 * LIMB + 2 ? PRODUCT_BITS : 2 * LIMB + 2;

  logic signed [LIMB*A_LIMBS:0] a_wide;
  logic signed [LIMB*B_LIMBS:0] b_wide;
  assign a_wide = (LIMB * A_LIMBS + 1)'(a);
  assign b_wide = (LIMB * B_LIMBS + 1)'(b);

  logic signed [PRODUCT_BITS-1:0] rows[A_LIMBS];

  for (genvar i = 0; i < A_LIMBS; i++) begin : a_limbs
    logic signed [LIMB:0] a_limb;
    logic signed [PRODUCT_BITS-1:0] partials[B_LIMBS];
    assign a_limb = {i == A_LIMBS - 1 && a_wide[LIMB*A_LIMBS], a_wide[LIMB*i+:LIMB]};

    for (genvar j = 0; j < B_LIMBS; j++) begin : b_limbs
      logic signed [LIMB:0] b_limb;
      logic signed [PARTIAL_BITS-1:0] partial;
      assign b_limb = {j == B_LIMBS - 1 && b_wide[LIMB*B_LIMBS], b_wide[LIMB*j+:LIMB]};
      always_ff @(posedge clk) partial <= a_limb * b_limb;
      assign partials[j] = PRODUCT_BITS'(partial) <<< (LIMB * j);
    end

    always_ff @(posedge clk) begin : sum_of_row
      logic signed [PRODUCT_BITS-1:0] sum;
      sum = '0;
      for (int j = 0; j < B_LIMBS; j++) sum += partials[j];
      rows[i] <= sum;
    end
  end

  always_ff @(posedge clk) begin : sum_of_rows
    logic signed [PRODUCT_BITS-1:0] sum;
    sum = '0;
    for (int i = 0; i < A_LIMBS; i++) sum += rows[i] <<< (LIMB * i);
    product <= sum;
  end
endmodule
