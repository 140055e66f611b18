// AXI shell with the mixer behind FIFOs, as a network has them at its inputs. `freeze`: the core does nothing any more;
// `stray`: it gives a word that nobody asked for. `mutant`: which of the mutations of test_axi_shell.py is alive.
package mutants;
  int alive = 0;
endpackage

module axi_bench (
    input  wire aclk, aresetn, freeze, stray,
    input  wire [11:0] s_axi_awaddr, s_axi_araddr,
    input  wire [2:0] s_axi_awprot, s_axi_arprot,
    input  wire s_axi_awvalid, s_axi_wvalid, s_axi_bready, s_axi_arvalid, s_axi_rready,
    output wire s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid,
    input  wire [31:0] s_axi_wdata, s_axis_tdata,
    output wire [31:0] s_axi_rdata, m_axis_tdata,
    input  wire [3:0] s_axi_wstrb, s_axis_tkeep,
    output wire [3:0] m_axis_tkeep,
    output wire [1:0] s_axi_bresp, s_axi_rresp,
    input  wire s_axis_tlast, s_axis_tvalid, m_axis_tready,
    output wire s_axis_tready, m_axis_tlast, m_axis_tvalid
);
  localparam int FEATURE_BITS = 24, RESULT_BITS = 24;
  logic rst, core_aresetn, length_valid, length_ready, feature_valid, feature_ready, result_valid, result_ready;
  logic length_shown, length_pop, feature_shown, feature_pop, made, taken;
  logic [15:0] length, length_data;
  logic [FEATURE_BITS-1:0] feature, feature_data;
  logic [RESULT_BITS-1:0] result;

  initial void'($value$plusargs("mutant=%d", mutants::alive));

  mixer_axi dut (
      .*,
      .m_axis_length_tdata(length), .m_axis_length_tvalid(length_valid), .m_axis_length_tready(length_ready && !freeze),
      .m_axis_features_tdata(feature), .m_axis_features_tvalid(feature_valid),
      .m_axis_features_tready(feature_ready && !freeze),
      .s_axis_embedding_tdata(result), .s_axis_embedding_tvalid(result_valid), .s_axis_embedding_tready(result_ready)
  );
  assign rst = !core_aresetn;
  hwsv_fifo #(.WIDTH(16), .DEPTH(64)) lengths (
      .clk(aclk), .rst, .credit(length_ready), .issue(length_valid && length_ready && !freeze),
      .push(length_valid && length_ready && !freeze), .push_data(length), .valid(length_shown), .data(length_data),
      .pop(length_shown && length_pop)
  );
  hwsv_fifo #(.WIDTH(FEATURE_BITS), .DEPTH(200)) features (
      .clk(aclk), .rst, .credit(feature_ready), .issue(feature_valid && feature_ready && !freeze),
      .push(feature_valid && feature_ready && !freeze), .push_data(feature), .valid(feature_shown),
      .data(feature_data), .pop(feature_shown && feature_pop)
  );
  assign result_valid = (made && !freeze) || stray;
  assign taken = result_ready && !freeze;
  mixer #(.FEATURE_BITS(FEATURE_BITS), .FRAME_WORDS(5), .RESULT_BITS(RESULT_BITS), .RESULT_WORDS(3)) core (
      .clk(aclk), .rst, .length(length_data), .length_valid(length_shown), .length_ready(length_pop),
      .feature(feature_data), .feature_valid(feature_shown), .feature_ready(feature_pop), .result,
      .result_valid(made), .result_ready(taken)
  );
endmodule
