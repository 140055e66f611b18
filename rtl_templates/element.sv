// The value of one element of a word as a signed number. KIND 0: unsigned, 1: two's complement, 2: bipolar (one bit,
// 1 is +1 and 0 is -1); `hwsv.datatypes.rtl_kind`.
module hwsv_element #(
    parameter int BITS     = 8,
    parameter int KIND     = 1,
    parameter int OUT_BITS = 9
) (
    input  logic        [    BITS-1:0] code,
    output logic signed [OUT_BITS-1:0] value
);
  if (KIND < 0 || KIND > 2) begin : bad_kind
    $error("element: KIND must be 0, 1 or 2");
  end
  if (OUT_BITS < (KIND == 1 ? BITS : BITS + 1)) begin : bad_out_bits
    $error("element: OUT_BITS is too small");
  end
  if (KIND == 2 && BITS != 1) begin : bad_bits
    $error("element: a bipolar element has one bit");
  end

  if (KIND == 0) begin : unsigned_code
    assign value = signed'(OUT_BITS'(code));
  end else if (KIND == 1) begin : signed_code
    assign value = OUT_BITS'(signed'(code));
  end else begin : bipolar_code
    assign value = code[0] ? OUT_BITS'(1) : -OUT_BITS'(1);
  end
endmodule
