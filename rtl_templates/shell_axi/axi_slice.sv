// Register slice of a stream: `in_ready`, `out_valid` and `out_data` come from registers, nothing passes through
// combinationally, and it still moves a word every cycle. In reset nothing is ready and nothing is offered.
module hwsv_axi_slice #(
    parameter int WIDTH = 32
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             in_valid,
    output logic             in_ready,
    input  logic [WIDTH-1:0] in_data,
    output logic             out_valid,
    input  logic             out_ready,
    output logic [WIDTH-1:0] out_data
);
  logic [WIDTH-1:0] spare;  // the word that came while the output was stuck
  logic full, taken, moves;

  assign taken = in_valid && in_ready;
  assign moves = !out_valid || out_ready;

  always_ff @(posedge clk)
    if (rst) begin
      in_ready  <= 1'b0;
      out_valid <= 1'b0;
      full      <= 1'b0;
    end else if (moves) begin
      in_ready  <= 1'b1;
      out_valid <= full || taken;
      full      <= 1'b0;
    end else begin
      in_ready <= !full && !taken;
      full     <= full || taken;
    end

  always_ff @(posedge clk) begin
    if (moves) out_data <= full ? spare : in_data;
    if (!full) spare <= in_data;
  end
endmodule
