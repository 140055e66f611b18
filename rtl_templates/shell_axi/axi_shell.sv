// Between AXI and an accelerator: AXI4-Lite registers, an AXI4-Stream slave for utterances, a master for embeddings
// (docs/axi-shell.md). Several utterances of any lengths are in flight at once.
//
// Whatever arrives, an embedding leaves only for a packet that was right from its first to its last byte, and names it.
// The first error stops everything until RESET: the core is held in reset, input is thrown away.
module hwsv_axi_shell
  import hwsv_axi_registers::*;
#(
    parameter int FEATURE_BYTES = 1,  // of a word of the core's input
    parameter int FRAME_WORDS = 40,  // words a frame of features
    parameter int FRAMES_MIN = 1,
    parameter int FRAMES_MAX = 65535,
    parameter int RESULT_BYTES = 4,  // of a word of the core's output
    parameter int RESULT_WORDS = 64,  // an embedding
    parameter logic [31:0] CLOCK_HZ = 100_000_000,
    parameter logic [31:0] TIMEOUT = 200_000_000,  // cycles without progress that end a run
    parameter logic [255:0] DESIGN_HASH = '0,  // first byte lowest
    parameter logic [127:0] HWSV_VERSION = '0  // first character lowest
) (
    input  logic                       aclk,
    input  logic                       aresetn,
    input  logic [   ADDRESS_BITS-1:0] s_axi_awaddr,
    input  logic [                2:0] s_axi_awprot,
    input  logic                       s_axi_awvalid,
    output logic                       s_axi_awready,
    input  logic [               31:0] s_axi_wdata,
    input  logic [                3:0] s_axi_wstrb,
    input  logic                       s_axi_wvalid,
    output logic                       s_axi_wready,
    output logic [                1:0] s_axi_bresp,
    output logic                       s_axi_bvalid,
    input  logic                       s_axi_bready,
    input  logic [   ADDRESS_BITS-1:0] s_axi_araddr,
    input  logic [                2:0] s_axi_arprot,
    input  logic                       s_axi_arvalid,
    output logic                       s_axi_arready,
    output logic [               31:0] s_axi_rdata,
    output logic [                1:0] s_axi_rresp,
    output logic                       s_axi_rvalid,
    input  logic                       s_axi_rready,
    input  logic [               31:0] s_axis_tdata,
    input  logic [                3:0] s_axis_tkeep,
    input  logic                       s_axis_tlast,
    input  logic                       s_axis_tvalid,
    output logic                       s_axis_tready,
    output logic [               31:0] m_axis_tdata,
    output logic [                3:0] m_axis_tkeep,
    output logic                       m_axis_tlast,
    output logic                       m_axis_tvalid,
    input  logic                       m_axis_tready,
    // the core
    output logic                       core_rst,
    output logic [               15:0] length,
    output logic                       length_valid,
    input  logic                       length_ready,
    output logic [8*FEATURE_BYTES-1:0] feature,
    output logic                       feature_valid,
    input  logic                       feature_ready,
    input  logic [ 8*RESULT_BYTES-1:0] result,
    input  logic                       result_valid,
    output logic                       result_ready
);
  if (FEATURE_BYTES < 1 || FRAME_WORDS < 1 || RESULT_BYTES < 1 || RESULT_WORDS < 1) begin : bad_shape
    $error("axi_shell: FEATURE_BYTES, FRAME_WORDS, RESULT_BYTES and RESULT_WORDS must be at least 1");
  end
  if (FRAMES_MIN < 1 || FRAMES_MAX < FRAMES_MIN || FRAMES_MAX > 65535) begin : bad_frames
    $error("axi_shell: FRAMES_MIN .. FRAMES_MAX must lie in 1 .. 65535");
  end

  localparam int SLOT_BITS = 4;  // up to 16 utterances in flight
  localparam logic [3:0] RESET_CYCLES = '1;

  logic rst, clear, failed, expired, progress, active, busy, done, sending, stale;
  logic [ 3:0] clear_left;
  logic [ 7:0] error, input_error, new_error;
  logic [31:0] timeout, timer, scratch, utterances, results, fed, now;

  assign rst = !aresetn;
  assign clear = clear_left != 0;

  // streams, behind register slices
  logic in_valid, in_ready, in_last, in_taken, out_valid, out_ready, out_last, out_moves;
  logic [31:0] in_data, out_data;
  logic [ 3:0] in_keep;
  hwsv_axi_slice #(.WIDTH(37)) input_slice (
      .clk(aclk), .rst, .in_valid(s_axis_tvalid), .in_ready(s_axis_tready),
      .in_data({s_axis_tlast, s_axis_tkeep, s_axis_tdata}), .out_valid(in_valid), .out_ready(in_ready),
      .out_data({in_last, in_keep, in_data})
  );
  hwsv_axi_slice #(.WIDTH(33)) output_slice (
      .clk(aclk), .rst, .in_valid(out_valid), .in_ready(out_ready), .in_data({out_last, out_data}),
      .out_valid(m_axis_tvalid), .out_ready(m_axis_tready), .out_data({m_axis_tlast, m_axis_tdata})
  );
  assign m_axis_tkeep = '1;
  assign in_taken = in_valid && in_ready;
  assign out_moves = m_axis_tvalid && m_axis_tready;

  // utterances: begun, their features all in, their embedding released
  logic begun, first_taken, word_taken, last_taken, midway, idle, starved, released, expected, complete;
  logic [31:0] header, first_header, first_at, last_at, kept_total, kept_latency;
  logic [SLOT_BITS:0] first_slot, last_slot, result_slot, begun_slot;
  assign expected = first_slot != result_slot;
  assign complete = last_slot != result_slot;

  hwsv_axi_input #(
      .FEATURE_BYTES(FEATURE_BYTES), .FRAME_WORDS(FRAME_WORDS), .FRAMES_MIN(FRAMES_MIN), .FRAMES_MAX(FRAMES_MAX)
  ) packets_in (
      .clk(aclk), .rst, .clear, .failed, .valid(in_valid), .ready(in_ready), .data(in_data), .keep(in_keep),
      .last(in_last), .length, .length_valid, .length_ready, .feature, .feature_valid, .feature_ready,
      .slot_free(begun_slot - result_slot != (SLOT_BITS + 1)'(2 ** SLOT_BITS)), .begun, .first_taken, .word_taken,
      .last_taken, .header, .midway, .idle, .starved, .error(input_error)
  );
  hwsv_axi_output #(.RESULT_BYTES(RESULT_BYTES), .RESULT_WORDS(RESULT_WORDS)) packets_out (
      .clk(aclk), .rst, .drop(clear || failed), .result, .result_valid, .result_ready, .expected, .complete,
      .header(first_header), .total(now - first_at), .latency(complete ? now - last_at : 0), .kept_total,
      .kept_latency, .sending, .released, .valid(out_valid), .ready(out_ready), .data(out_data), .last(out_last)
  );

  (* ram_style = "distributed" *) logic [63:0] firsts[2**SLOT_BITS];  // header, cycle of the first feature
  (* ram_style = "distributed" *) logic [31:0] lasts[2**SLOT_BITS];  // cycle of the last feature
  assign {first_header, first_at} = firsts[result_slot[SLOT_BITS-1:0]];
  assign last_at = lasts[result_slot[SLOT_BITS-1:0]];
  always_ff @(posedge aclk) begin
    if (first_taken) firsts[first_slot[SLOT_BITS-1:0]] <= {header, now};
    if (last_taken) lasts[last_slot[SLOT_BITS-1:0]] <= now;
  end
  always_ff @(posedge aclk)
    if (rst || clear) {begun_slot, first_slot, last_slot, result_slot, utterances, results, fed} <= '0;
    else begin
      begun_slot  <= begun_slot + (SLOT_BITS + 1)'(begun);
      first_slot  <= first_slot + (SLOT_BITS + 1)'(first_taken);
      last_slot   <= last_slot + (SLOT_BITS + 1)'(last_taken);
      result_slot <= result_slot + (SLOT_BITS + 1)'(released);
      utterances  <= utterances + 32'(begun);
      results     <= results + 32'(out_moves && m_axis_tlast && !stale);
      fed         <= begun ? '0 : fed + 32'(word_taken);
    end
  always_ff @(posedge aclk)
    if (rst) {sending, stale} <= '0;
    else if (out_moves && m_axis_tlast) {sending, stale} <= '0;
    else begin
      sending <= sending || released;
      stale   <= stale || (clear && sending);  // of a run that RESET has ended
    end

  // errors: what the input says, words that nobody asked for, nothing moving while there is work
  assign busy = !failed && (utterances != results || !idle);
  assign done = !busy && !failed && results != 0;
  assign active = busy && !clear;
  assign progress = in_taken || word_taken || (result_valid && result_ready) || out_moves;
  assign expired = active && timer >= timeout && timeout != 0;
  always_comb begin
    new_error = input_error;
    if (input_error == ERR_NONE && !clear) begin
      if (result_valid && !expected) new_error = ERR_STRAY;
      else if (expired)
        new_error = m_axis_tvalid && !m_axis_tready ? ERR_OUTPUT_TIMEOUT : starved ? ERR_INPUT_TIMEOUT : ERR_CORE_TIMEOUT;
    end
  end
  always_ff @(posedge aclk) begin
    now      <= rst ? '0 : now + 1'b1;
    timer    <= !active || progress ? '0 : timer + 1'b1;
    core_rst <= rst || clear || failed;
    if (rst || clear) {failed, error} <= '0;
    else if (!failed && new_error != ERR_NONE) {failed, error} <= {1'b1, new_error};
  end

  // registers
  logic write, reset_written;
  logic [ADDRESS_BITS-3:0] write_index, read_index;
  logic [31:0] write_data, write_mask, read_value;
  logic [WORDS-1:0][31:0] values;
  logic [5:0] unused;
  assign unused = {s_axi_awprot, s_axi_arprot};
  assign {s_axi_bresp, s_axi_rresp} = '0;  // OKAY

  hwsv_axi_lite #(.ADDRESS_BITS(ADDRESS_BITS)) registers (
      .clk(aclk), .rst, .awaddr(s_axi_awaddr), .awvalid(s_axi_awvalid), .awready(s_axi_awready), .wdata(s_axi_wdata),
      .wstrb(s_axi_wstrb), .wvalid(s_axi_wvalid), .wready(s_axi_wready), .bvalid(s_axi_bvalid),
      .bready(s_axi_bready), .araddr(s_axi_araddr), .arvalid(s_axi_arvalid), .arready(s_axi_arready),
      .rdata(s_axi_rdata), .rvalid(s_axi_rvalid), .rready(s_axi_rready), .write, .write_index, .write_data,
      .write_mask, .read_index, .read_value
  );

  always_comb begin
    values = '0;
    values[REG_IDENTITY] = IDENTITY;
    values[REG_VERSION] = VERSION;
    values[REG_STATUS][BIT_BUSY] = busy;
    values[REG_STATUS][BIT_DONE] = done;
    values[REG_STATUS][BIT_FAILED] = failed;
    values[REG_STATUS][BIT_SENDING] = sending;
    values[REG_STATUS][BIT_INSIDE] = midway;
    values[REG_STATUS][BIT_STARVED] = starved;
    values[REG_STATUS][BIT_BLOCKED] = m_axis_tvalid && !m_axis_tready;
    values[REG_ERROR] = 32'(error);
    values[REG_UTTERANCES] = utterances;
    values[REG_RESULTS] = results;
    values[REG_HEADER] = header;
    values[REG_FED] = fed;
    values[REG_TOTAL] = kept_total;
    values[REG_LATENCY] = kept_latency;
    values[REG_TIMEOUT] = timeout;
    values[REG_SCRATCH] = scratch;
    values[REG_FEATURE_BYTES] = FEATURE_BYTES;
    values[REG_FRAME_WORDS] = FRAME_WORDS;
    values[REG_FRAMES_MIN] = FRAMES_MIN;
    values[REG_FRAMES_MAX] = FRAMES_MAX;
    values[REG_RESULT_BYTES] = RESULT_BYTES;
    values[REG_RESULT_WORDS] = RESULT_WORDS;
    values[REG_CLOCK_HZ] = CLOCK_HZ;
    values[REG_DESIGN_HASH+:8] = DESIGN_HASH;
    values[REG_HWSV_VERSION+:4] = HWSV_VERSION;
    read_value = 32'(read_index) < 32'(WORDS) ? values[read_index] : 0;
  end

  assign reset_written = write && 32'(write_index) == REG_CONTROL && write_data[BIT_RESET] && write_mask[BIT_RESET];
  always_ff @(posedge aclk)
    if (rst) begin
      clear_left <= '0;
      timeout    <= TIMEOUT;
      scratch    <= '0;
    end else begin
      clear_left <= reset_written ? RESET_CYCLES : clear_left - 4'(clear);
      if (write && 32'(write_index) == REG_TIMEOUT) timeout <= (timeout & ~write_mask) | (write_data & write_mask);
      if (write && 32'(write_index) == REG_SCRATCH) scratch <= (scratch & ~write_mask) | (write_data & write_mask);
    end
endmodule
