// Width converter: the same elements in wider or narrower words; one width divides the other. D = 1.
module hwsv_width_converter #(
    parameter int IN_BITS  = 4,
    parameter int OUT_BITS = 8
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [         0:0] in_valid,
    input  logic [ IN_BITS-1:0] in_data,
    output logic [         0:0] in_pop,
    input  logic [         0:0] out_credit,
    output logic [         0:0] out_issue,
    output logic [         0:0] out_push,
    output logic [OUT_BITS-1:0] out_data
);
  localparam int RATIO = OUT_BITS > IN_BITS ? OUT_BITS / IN_BITS : IN_BITS / OUT_BITS;
  localparam int COUNT_BITS = RATIO > 1 ? $clog2(RATIO) : 1;
  if (IN_BITS < 1 || OUT_BITS < 1 || (OUT_BITS != RATIO * IN_BITS && IN_BITS != RATIO * OUT_BITS)) begin : bad_bits
    $error("width_converter: one of IN_BITS and OUT_BITS must divide the other");
  end

  logic [COUNT_BITS-1:0] count;  // narrow words of this wide one
  logic issue, first, last;

  assign first = count == 0;
  assign last  = count == COUNT_BITS'(RATIO - 1);
  always_ff @(posedge clk)
    if (rst) count <= '0;
    else if (issue) count <= last ? '0 : count + 1'b1;

  hwsv_delay pushes (.clk, .rst, .d(out_issue[0]), .q(out_push[0]));

  if (OUT_BITS > IN_BITS) begin : widen  // a shift register takes all words but the last, which comes with the beat that pushes
    logic [OUT_BITS-IN_BITS-1:0] words;
    assign issue = in_valid[0] && (!last || out_credit[0]);
    assign in_pop = issue;
    assign out_issue = issue && last;
    always_ff @(posedge clk) begin
      if (issue) words <= (OUT_BITS - IN_BITS)'({in_data, words} >> IN_BITS);
      if (out_issue[0]) out_data <= {in_data, words};
    end
    logic unused;
    assign unused = first;
  end else begin : narrow  // a shift register is loaded with the first of its words
    logic [IN_BITS-1:0] word;
    assign issue = (!first || in_valid[0]) && out_credit[0];
    assign in_pop = issue && first;
    assign out_issue = issue;
    assign out_data = word[OUT_BITS-1:0];
    always_ff @(posedge clk) if (issue) word <= first ? in_data : IN_BITS'({OUT_BITS'(0), word} >> OUT_BITS);
  end
endmodule
