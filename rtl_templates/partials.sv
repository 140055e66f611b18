// Memory for results in the making: ROWS words, each read, combined with something and written back in one visit.
//
// `word` is the word of row `row` of two cycles before; with `update` it becomes `next`. Visits of a row may follow each
// other at once: LUT RAM is read and written in one cycle. Block RAM (BLOCK 1) has registers behind its output and
// before its input, for speed, and so wants three other rows in between: up to three rows are LUT RAM whatever BLOCK
// says, with more the rows are visited in turn. `peek` is for who only reads: the same word, at the end of two cycles
// with the same `row`, without the register.
module hwsv_partials #(
    parameter int WIDTH = 8,
    parameter int ROWS  = 4,
    parameter int BLOCK = 0,
    localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1
) (
    input  logic                clk,
    input  logic [ROW_BITS-1:0] row,
    output logic [   WIDTH-1:0] peek,
    output logic [   WIDTH-1:0] word,
    input  logic                update,
    input  logic [   WIDTH-1:0] next
);
  logic [ROW_BITS-1:0] coming, visited;
  always_ff @(posedge clk) begin
    coming  <= row;
    visited <= coming;
  end

  if (BLOCK != 0 && ROWS > 3) begin : block_ram
    logic                write;
    logic [ROW_BITS-1:0] write_row;
    logic [   WIDTH-1:0] write_word;
    always_ff @(posedge clk) begin
      word       <= peek;
      write      <= update;
      write_row  <= visited;
      write_word <= next;
    end
    hwsv_ram #(.WIDTH(WIDTH), .DEPTH(ROWS), .BLOCK(1)) words (
        .clk, .write, .write_address(write_row), .write_data(write_word), .read_address(row), .read_data(peek)
    );
  end else begin : lut_ram
    (* ram_style = "distributed" *) logic [WIDTH-1:0] memory[ROWS];
    assign word = memory[visited];
    assign peek = word;
    always_ff @(posedge clk) if (update) memory[visited] <= next;
  end
endmodule
