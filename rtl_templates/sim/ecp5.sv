// Models of the ECP5 cells for which yosys has none, the block RAM and the multiplier, as synth_ecp5 uses them (pyosys:
// share/lattice/brams_map_16kd.v, dsp_map_18x18.v). What else they can do is missing here or refused: a netlist that
// needs it does not elaborate.

`define NO_INCLUDES  // by yosys' own models (common_sim.vh), read after this file: the cells here are all there are

// Block RAM: 512 rows of 36 bits, two ports of 1 to 18 bits; or of 36, where port A writes {DIB, DIA} and port B reads
// {DOB, DOA}. An address counts bits, eight a byte, and a port of nine bits and more sees the ninth; with 18 and 36
// bits its lowest bits enable the bytes of a write. What one port reads while the other one writes it is not defined:
// here it is wrong in every such bit.
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED",  // there is no reset
    parameter logic [319:0] INITVAL_00 = '0, INITVAL_01 = '0, INITVAL_02 = '0, INITVAL_03 = '0, INITVAL_04 = '0,
    parameter logic [319:0] INITVAL_05 = '0, INITVAL_06 = '0, INITVAL_07 = '0, INITVAL_08 = '0, INITVAL_09 = '0,
    parameter logic [319:0] INITVAL_0A = '0, INITVAL_0B = '0, INITVAL_0C = '0, INITVAL_0D = '0, INITVAL_0E = '0,
    parameter logic [319:0] INITVAL_0F = '0, INITVAL_10 = '0, INITVAL_11 = '0, INITVAL_12 = '0, INITVAL_13 = '0,
    parameter logic [319:0] INITVAL_14 = '0, INITVAL_15 = '0, INITVAL_16 = '0, INITVAL_17 = '0, INITVAL_18 = '0,
    parameter logic [319:0] INITVAL_19 = '0, INITVAL_1A = '0, INITVAL_1B = '0, INITVAL_1C = '0, INITVAL_1D = '0,
    parameter logic [319:0] INITVAL_1E = '0, INITVAL_1F = '0, INITVAL_20 = '0, INITVAL_21 = '0, INITVAL_22 = '0,
    parameter logic [319:0] INITVAL_23 = '0, INITVAL_24 = '0, INITVAL_25 = '0, INITVAL_26 = '0, INITVAL_27 = '0,
    parameter logic [319:0] INITVAL_28 = '0, INITVAL_29 = '0, INITVAL_2A = '0, INITVAL_2B = '0, INITVAL_2C = '0,
    parameter logic [319:0] INITVAL_2D = '0, INITVAL_2E = '0, INITVAL_2F = '0, INITVAL_30 = '0, INITVAL_31 = '0,
    parameter logic [319:0] INITVAL_32 = '0, INITVAL_33 = '0, INITVAL_34 = '0, INITVAL_35 = '0, INITVAL_36 = '0,
    parameter logic [319:0] INITVAL_37 = '0, INITVAL_38 = '0, INITVAL_39 = '0, INITVAL_3A = '0, INITVAL_3B = '0,
    parameter logic [319:0] INITVAL_3C = '0, INITVAL_3D = '0, INITVAL_3E = '0, INITVAL_3F = '0
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);
  if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
      || CLKAMUX != "CLKA" || CLKBMUX != "CLKB") begin : unknown
    $error("DP16KD: output registers, chip selects and inverted clocks have no model");
  end

  logic [35:0] rows[512];
  initial begin : content
    logic [1023:0][19:0] places;  // of 18 bits each
    places = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
      INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
      INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
      INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
      INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
      INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
      INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };
    for (int i = 0; i < 512; i++) rows[i] = {places[2*i+1][17:0], places[2*i][17:0]};
  end

  // Where in its row a word begins, and the bits of the row that a write changes.
  function automatic logic [5:0] place(input int width, input logic [13:0] address);
    if (width == 36) return '0;
    return 6'd18 * 6'(address[4]) + (width == 18 ? 6'd0 : 6'd9 * 6'(address[3]))
        + (width >= 9 ? 6'd0 : 6'(address[2:0]) & -6'(width));
  endfunction
  function automatic logic [35:0] mask(input int width, input logic [13:0] address, input logic write);
    logic [35:0] word;
    if (width >= 18) word = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
    else word = '1;
    return !write ? '0 : (word & (36'd1 << width) - 36'd1) << place(width, address);
  endfunction

  wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [17:0] low = {
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
    DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0
  };
  wire [17:0] high = {
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
    DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0
  };
  wire [35:0] mask_a = mask(DATA_WIDTH_A, ada, CEA && WEA), mask_b = mask(DATA_WIDTH_B, adb, CEB && WEB);
  wire [35:0] moved_a = {high, low} << place(DATA_WIDTH_A, ada), moved_b = 36'(high) << place(DATA_WIDTH_B, adb);
  wire [35:0] row_a = rows[ada[13:5]], row_b = rows[adb[13:5]];
  wire [35:0] wrong_a = ada[13:5] == adb[13:5] ? mask_b : '0, wrong_b = ada[13:5] == adb[13:5] ? mask_a : '0;

  // What a port reads: after its own write, before it, or (NORMAL) nothing new in a cycle in which it writes.
  logic [35:0] read_a, read_b;
  always @(posedge CLKA) begin
    for (int i = 0; i < 36; i++) if (mask_a[i]) rows[ada[13:5]][i] <= moved_a[i];
    if (CEA && (!WEA || WRITEMODE_A == "READBEFOREWRITE")) read_a <= (row_a ^ wrong_a) >> place(DATA_WIDTH_A, ada);
    else if (CEA && WRITEMODE_A == "WRITETHROUGH")
      read_a <= (row_a & ~mask_a | moved_a & mask_a) >> place(DATA_WIDTH_A, ada);
    if (RSTA) $fatal(1, "DP16KD: reset has no model");
  end
  always @(posedge CLKB) begin
    for (int i = 0; i < 36; i++) if (mask_b[i]) rows[adb[13:5]][i] <= moved_b[i];
    if (CEB && (!WEB || WRITEMODE_B == "READBEFOREWRITE")) read_b <= (row_b ^ wrong_b) >> place(DATA_WIDTH_B, adb);
    else if (CEB && WRITEMODE_B == "WRITETHROUGH")
      read_b <= (row_b & ~mask_b | moved_b & mask_b) >> place(DATA_WIDTH_B, adb);
    if (RSTB) $fatal(1, "DP16KD: reset has no model");
  end
  assign {
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
    DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0
  } = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign {
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
    DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
  } = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];
endmodule

// Multiplier of 18 x 18 bits without registers.
module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire signed [18:0] a = {
    SIGNEDA && A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0
  };
  wire signed [18:0] b = {
    SIGNEDB && B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0
  };
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
      P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = 36'(a * b);
endmodule
