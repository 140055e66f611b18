// Rules of AXI4-Lite and AXI4-Stream at every channel of the shell, as assertions (Arm IHI 0022, IHI 0051): what is
// offered stays, unchanged, until it is taken; nothing is offered in reset; an answer belongs to a request.
module stream_rules #(
    parameter int WIDTH = 1
) (
    input logic             aclk,
    input logic             aresetn,
    input logic             valid,
    input logic             ready,
    input logic [WIDTH-1:0] data
);
  holds :
  assert property (@(posedge aclk) disable iff (!aresetn) valid && !ready |=> valid)
  else $error("%m: valid fell before ready");
  stable :
  assert property (@(posedge aclk) disable iff (!aresetn) valid && !ready |=> $stable(data))
  else $error("%m: data changed before ready");
  quiet :
  assert property (@(posedge aclk) !aresetn |=> aresetn || !valid)
  else $error("%m: valid in reset");
endmodule

module axi_rules #(
    parameter int BEATS = 1  // of an output packet
) (
    input logic aclk, aresetn,
    input logic [11:0] s_axi_awaddr, s_axi_araddr,
    input logic [2:0] s_axi_awprot, s_axi_arprot,
    input logic s_axi_awvalid, s_axi_awready, s_axi_wvalid, s_axi_wready, s_axi_bvalid, s_axi_bready,
    input logic s_axi_arvalid, s_axi_arready, s_axi_rvalid, s_axi_rready,
    input logic [31:0] s_axi_wdata, s_axi_rdata, s_axis_tdata, m_axis_tdata,
    input logic [3:0] s_axi_wstrb, s_axis_tkeep, m_axis_tkeep,
    input logic [1:0] s_axi_bresp, s_axi_rresp,
    input logic s_axis_tlast, s_axis_tvalid, s_axis_tready, m_axis_tlast, m_axis_tvalid, m_axis_tready
);
  stream_rules #(15) aw (
      .aclk, .aresetn, .valid(s_axi_awvalid), .ready(s_axi_awready), .data({s_axi_awprot, s_axi_awaddr})
  );
  stream_rules #(36) w (
      .aclk, .aresetn, .valid(s_axi_wvalid), .ready(s_axi_wready), .data({s_axi_wstrb, s_axi_wdata})
  );
  stream_rules #(2) b (.aclk, .aresetn, .valid(s_axi_bvalid), .ready(s_axi_bready), .data(s_axi_bresp));
  stream_rules #(15) ar (
      .aclk, .aresetn, .valid(s_axi_arvalid), .ready(s_axi_arready), .data({s_axi_arprot, s_axi_araddr})
  );
  stream_rules #(34) r (
      .aclk, .aresetn, .valid(s_axi_rvalid), .ready(s_axi_rready), .data({s_axi_rresp, s_axi_rdata})
  );
  stream_rules #(37) utterances (
      .aclk, .aresetn, .valid(s_axis_tvalid), .ready(s_axis_tready), .data({s_axis_tlast, s_axis_tkeep, s_axis_tdata})
  );
  stream_rules #(37) embeddings (
      .aclk, .aresetn, .valid(m_axis_tvalid), .ready(m_axis_tready), .data({m_axis_tlast, m_axis_tkeep, m_axis_tdata})
  );

  // requests that are not answered, beats of the packet so far
  int addresses, data, reads, beats;
  always_ff @(posedge aclk)
    if (!aresetn) {addresses, data, reads, beats} <= '0;
    else begin
      addresses <= addresses + 32'(s_axi_awvalid && s_axi_awready) - 32'(s_axi_bvalid && s_axi_bready);
      data      <= data + 32'(s_axi_wvalid && s_axi_wready) - 32'(s_axi_bvalid && s_axi_bready);
      reads     <= reads + 32'(s_axi_arvalid && s_axi_arready) - 32'(s_axi_rvalid && s_axi_rready);
      if (m_axis_tvalid && m_axis_tready) beats <= m_axis_tlast ? 0 : beats + 1;
    end
  asked :
  assert property (@(posedge aclk) disable iff (!aresetn) s_axi_bvalid |-> addresses > 0 && data > 0)
  else $error("%m: an answer to no write");
  read :
  assert property (@(posedge aclk) disable iff (!aresetn) s_axi_rvalid |-> reads > 0)
  else $error("%m: an answer to no read");
  full :
  assert property (@(posedge aclk) disable iff (!aresetn) m_axis_tvalid |-> m_axis_tkeep == '1)
  else $error("%m: a beat with holes");
  ends :
  assert property (@(posedge aclk) disable iff (!aresetn) m_axis_tvalid |-> m_axis_tlast == (beats == BEATS - 1))
  else $error("%m: a packet of another size");
endmodule

bind hwsv_axi_shell axi_rules #(.BEATS(3 + (RESULT_BYTES * RESULT_WORDS + 3) / 4)) rules (.*);
