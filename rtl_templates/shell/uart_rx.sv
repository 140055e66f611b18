// UART receiver, 8N1, DIVISOR clock cycles a bit. `valid` is high for one cycle a byte; a byte without its stop bit is
// dropped (the checksum of its frame tells).
module hwsv_uart_rx #(
    parameter int DIVISOR = 40
) (
    input  logic       clk,
    input  logic       rst,
    input  logic       rx,
    output logic       valid,
    output logic [7:0] data
);
  if (DIVISOR < 4) begin : bad_divisor
    $error("uart_rx: DIVISOR must be at least 4");
  end

  localparam int BITS = $clog2(DIVISOR);

  logic [2:0] line;  // the pin through two registers, and once more to see edges
  logic [BITS-1:0] timer;
  logic [3:0] bits_left;  // start bit, 8 data bits, stop bit; 0: idle

  always_ff @(posedge clk)
    if (rst) begin
      line      <= '1;
      timer     <= '0;
      bits_left <= '0;
      valid     <= 1'b0;
    end else begin
      line  <= {line[1:0], rx};
      valid <= 1'b0;
      if (bits_left == 0) begin
        timer <= BITS'(DIVISOR / 2 - 1);
        if (line[2] && !line[1]) bits_left <= 4'd10;
      end else if (timer != 0) begin
        timer <= timer - 1'b1;
      end else begin
        timer     <= BITS'(DIVISOR - 1);
        bits_left <= bits_left - 1'b1;
        if (bits_left == 10 && line[1]) bits_left <= '0;  // a glitch, no start bit
        if (bits_left == 1) valid <= line[1];
      end
    end

  always_ff @(posedge clk) if (timer == 0 && bits_left > 1) data <= {line[1], data[7:1]};
endmodule
