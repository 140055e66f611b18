// AXI4-Lite slave: turns the five channels into a write strobe and a read address (docs/axi-shell.md).
//
// All outputs of the bus come from registers. Address and data of a write may come in any order and apart; one write
// and one read at a time, independent of each other. The two low bits of an address are ignored, strobes say which
// bytes are written. Every access is answered OKAY.
module hwsv_axi_lite #(
    parameter int ADDRESS_BITS = 12
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [ADDRESS_BITS-1:0] awaddr,
    input  logic                    awvalid,
    output logic                    awready,
    input  logic [            31:0] wdata,
    input  logic [             3:0] wstrb,
    input  logic                    wvalid,
    output logic                    wready,
    output logic                    bvalid,
    input  logic                    bready,
    input  logic [ADDRESS_BITS-1:0] araddr,
    input  logic                    arvalid,
    output logic                    arready,
    output logic [            31:0] rdata,
    output logic                    rvalid,
    input  logic                    rready,
    // the registers, by number
    output logic                    write,          // for one cycle
    output logic [ADDRESS_BITS-3:0] write_index,
    output logic [            31:0] write_data,
    output logic [            31:0] write_mask,
    output logic [ADDRESS_BITS-3:0] read_index,
    input  logic [            31:0] read_value      // of `read_index`, in the same cycle
);
  logic has_address, has_data, reads, read;
  logic [3:0] strobes, unused;

  assign unused = {awaddr[1:0], araddr[1:0]};
  assign write = has_address && has_data && (!bvalid || bready);
  assign read = reads && (!rvalid || rready);
  for (genvar i = 0; i < 4; i++) begin : bytes
    assign write_mask[8*i+:8] = {8{strobes[i]}};
  end

  always_ff @(posedge clk)
    if (rst) begin
      {awready, wready, arready} <= '0;
      {has_address, has_data, reads} <= '0;
      {bvalid, rvalid} <= '0;
    end else begin
      // ready while nothing is held; what is held leaves with the write, the read
      awready     <= has_address ? write : !(awvalid && awready);
      wready      <= has_data ? write : !(wvalid && wready);
      arready     <= reads ? read : !(arvalid && arready);
      has_address <= has_address ? !write : awvalid && awready;
      has_data    <= has_data ? !write : wvalid && wready;
      reads       <= reads ? !read : arvalid && arready;
      bvalid      <= write || (bvalid && !bready);
      rvalid      <= read || (rvalid && !rready);
    end

  always_ff @(posedge clk) begin
    if (awvalid && awready) write_index <= awaddr[ADDRESS_BITS-1:2];
    if (wvalid && wready) {strobes, write_data} <= {wstrb, wdata};
    if (arvalid && arready) read_index <= araddr[ADDRESS_BITS-1:2];
    if (read) rdata <= read_value;
  end
endmodule
