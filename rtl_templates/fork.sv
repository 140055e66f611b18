// Fork: every output repeats the input. D = 1.
module hwsv_fork #(
    parameter int COPIES = 2,
    parameter int WIDTH  = 8
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [             0:0] in_valid,
    input  logic [       WIDTH-1:0] in_data,
    output logic [             0:0] in_pop,
    input  logic [      COPIES-1:0] out_credit,
    output logic [      COPIES-1:0] out_issue,
    output logic [      COPIES-1:0] out_push,
    output logic [COPIES*WIDTH-1:0] out_data
);
  if (COPIES < 2) begin : bad_copies
    $error("fork: COPIES must be at least 2");
  end
  if (WIDTH < 1) begin : bad_width
    $error("fork: WIDTH must be at least 1");
  end

  logic issue, pushed;
  logic [WIDTH-1:0] word;
  assign issue = in_valid[0] && &out_credit;
  assign in_pop = issue;
  assign out_issue = {COPIES{issue}};
  assign out_push = {COPIES{pushed}};
  assign out_data = {COPIES{word}};

  hwsv_delay pushes (.clk, .rst, .d(issue), .q(pushed));
  always_ff @(posedge clk) if (issue) word <= in_data;
endmodule
