// Tells the test bench of every push and pop of every channel. Bound to the FIFO by the recording build only, so the
// design itself holds no probe and the fast build has none either.
module hwsv_probe #(
    parameter int WIDTH = 8
) (
    input logic             clk,
    input logic             rst,
    input logic             push,
    input logic [WIDTH-1:0] push_data,
    input logic             pop
);
  localparam int LIMBS = (WIDTH + 63) / 64;

  import "DPI-C" function int hwsv_probe_open(input string path, input int limbs);
  import "DPI-C" function void hwsv_probe_push(input int channel);
  import "DPI-C" function void hwsv_probe_limb(input int channel, input longint unsigned limb);
  import "DPI-C" function void hwsv_probe_pop(input int channel);

  int channel;
  logic [LIMBS*64-1:0] word;
  assign word = (LIMBS * 64)'(push_data);

  initial channel = hwsv_probe_open($sformatf("%m"), LIMBS);

  always @(posedge clk)
    if (!rst) begin
      if (push) begin
        hwsv_probe_push(channel);
        for (int i = 0; i < LIMBS; i++) hwsv_probe_limb(channel, word[i*64+:64]);
      end
      if (pop) hwsv_probe_pop(channel);
    end
endmodule

bind hwsv_fifo hwsv_probe #(.WIDTH(WIDTH)) probe (.clk, .rst, .push, .push_data, .pop);
