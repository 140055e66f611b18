// UART transmitter, 8N1, DIVISOR clock cycles a bit. Takes `data` in a cycle with `valid` and `ready`.
module hwsv_uart_tx #(
    parameter int DIVISOR = 40
) (
    input  logic       clk,
    input  logic       rst,
    output logic       tx,
    input  logic       valid,
    output logic       ready,
    input  logic [7:0] data
);
  if (DIVISOR < 4) begin : bad_divisor
    $error("uart_tx: DIVISOR must be at least 4");
  end

  localparam int BITS = $clog2(DIVISOR);

  logic [8:0] shift;  // the bits to come, stop bit last
  logic [3:0] bits_left;
  logic [BITS-1:0] timer;

  assign ready = bits_left == 0;

  always_ff @(posedge clk)
    if (rst) begin
      tx        <= 1'b1;
      bits_left <= '0;
      timer     <= '0;
    end else if (ready) begin
      timer <= BITS'(DIVISOR - 1);
      if (valid) begin
        tx        <= 1'b0;
        bits_left <= 4'd10;
      end
    end else if (timer != 0) begin
      timer <= timer - 1'b1;
    end else begin
      timer     <= BITS'(DIVISOR - 1);
      bits_left <= bits_left - 1'b1;
      tx        <= shift[0];
    end

  always_ff @(posedge clk)
    if (ready) shift <= {1'b1, data};
    else if (timer == 0) shift <= {1'b1, shift[8:1]};
endmodule
