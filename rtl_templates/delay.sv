// Shift register: `q` is `d` of CYCLES cycles ago, 0 after reset (beats on their way through a unit's pipeline).
module hwsv_delay #(
    parameter int WIDTH  = 1,
    parameter int CYCLES = 1
) (
    input  logic             clk,
    input  logic             rst,
    input  logic [WIDTH-1:0] d,
    output logic [WIDTH-1:0] q
);
  if (CYCLES < 1) begin : bad_cycles
    $error("delay: CYCLES must be at least 1");
  end

  logic [WIDTH-1:0] stages[CYCLES];
  assign q = stages[CYCLES-1];

  always_ff @(posedge clk)
    for (int i = 0; i < CYCLES; i++) stages[i] <= rst ? '0 : i == 0 ? d : stages[i-1];
endmodule
