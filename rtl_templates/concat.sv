// Concat: pixel by pixel WORDS[0] words of input 0, then WORDS[1] of input 1, … D = 1.
module hwsv_concat #(
    parameter int                    PORTS = 2,
    parameter int                    WIDTH = 8,
    parameter logic [PORTS-1:0][31:0] WORDS = {PORTS{32'd1}}  // words a pixel of each input
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [      PORTS-1:0] in_valid,
    input  logic [PORTS*WIDTH-1:0] in_data,
    output logic [      PORTS-1:0] in_pop,
    input  logic [            0:0] out_credit,
    output logic [            0:0] out_issue,
    output logic [            0:0] out_push,
    output logic [      WIDTH-1:0] out_data
);
  if (PORTS < 2) begin : bad_ports
    $error("concat: PORTS must be at least 2");
  end
  if (WIDTH < 1) begin : bad_width
    $error("concat: WIDTH must be at least 1");
  end

  function automatic int most_words();
    most_words = 0;
    for (int port = 0; port < PORTS; port++) if (int'(WORDS[port]) > most_words) most_words = int'(WORDS[port]);
  endfunction
  localparam int COUNT_BITS = most_words() > 1 ? $clog2(most_words()) : 1;

  logic [PORTS-1:0] turn, turn_ends;  // one-hot: the input whose words are taken
  logic [COUNT_BITS-1:0] count;       // words taken in this turn
  logic [WIDTH-1:0] word;
  logic issue;

  assign issue = |(in_valid & turn) && out_credit[0];
  assign in_pop = turn & {PORTS{issue}};
  assign out_issue = issue;

  for (genvar port = 0; port < PORTS; port++) begin : ports
    if (WORDS[port] == 0) begin : bad_words
      $error("concat: every input has a word a pixel at least");
    end
    assign turn_ends[port] = turn[port] && count == COUNT_BITS'(WORDS[port] - 1);
  end

  always_ff @(posedge clk)
    if (rst) begin
      turn  <= PORTS'(1);
      count <= '0;
    end else if (issue) begin
      turn  <= |turn_ends ? {turn[PORTS-2:0], turn[PORTS-1]} : turn;
      count <= |turn_ends ? '0 : count + 1'b1;
    end

  always_comb begin
    word = '0;
    for (int port = 0; port < PORTS; port++) word |= in_data[port*WIDTH+:WIDTH] & {WIDTH{turn[port]}};
  end

  hwsv_delay pushes (.clk, .rst, .d(issue), .q(out_push[0]));
  always_ff @(posedge clk) if (issue) out_data <= word;
endmodule
