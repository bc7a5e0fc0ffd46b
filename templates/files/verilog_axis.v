// {{ made_by }}
//
// {{ name }} with AXI-Stream ports. A transfer of the slave is a word of an event, the lowest bits of tdata; a transfer of the
// master is all of an answer. Words wait (tready is 0) as long as the core's interval asks for it, or answers that nobody
// takes could get lost: the core itself never waits, so an event begins only if there is room for its answer.
//
// tlast of the slave belongs to the last of the {{ words }} words of an event. The core counts words and does not need it; if it
// comes at another word, `misaligned` becomes 1 and stays so until a reset.

// The bits that fill up tdata carry nothing:
/* verilator lint_off UNUSED */

module {{ name }}_axis (
    input  wire aclk,
    input  wire aresetn,
    input  wire [{{ input_bytes * 8 - 1 }}:0] s_axis_tdata,
    input  wire s_axis_tvalid,
    output wire s_axis_tready,
    input  wire s_axis_tlast,
    output wire [{{ output_bytes * 8 - 1 }}:0] m_axis_tdata,
    output wire m_axis_tvalid,
    input  wire m_axis_tready,
    output wire m_axis_tlast,
    output reg  misaligned
);
    // Answers that there is room for: as many as are on their way at once, and one that is being taken.
    localparam ROOM = {{ room }};

    wire rst = ~aresetn;

    // Words of this event that have come; then cycles until the next may begin.
    reg  [{{ word_bits - 1 }}:0] word;
    reg  [{{ pause_bits - 1 }}:0] pause;
    // Answers that are on their way or wait.
    reg  [{{ room_bits - 1 }}:0] open;

    wire is_first = word == {{ word_bits }}'d0;
    wire is_last  = word == {{ word_bits }}'d{{ words - 1 }};
    wire in_valid = s_axis_tvalid & s_axis_tready;
    wire taken    = m_axis_tvalid & m_axis_tready;
    wire begins   = in_valid & is_first;

    assign s_axis_tready = ~rst & (~is_first | (pause == {{ pause_bits }}'d0 & open != ROOM[{{ room_bits - 1 }}:0]));

    always @(posedge aclk)
        if (rst) begin
            word       <= {{ word_bits }}'d0;
            pause      <= {{ pause_bits }}'d0;
            open       <= {{ room_bits }}'d0;
            misaligned <= 1'b0;
        end else begin
            if (in_valid)
                word <= is_last ? {{ word_bits }}'d0 : word + {{ word_bits }}'d1;
            if (in_valid & is_last)
                pause <= {{ pause_bits }}'d{{ pause }};
            else if (pause != {{ pause_bits }}'d0)
                pause <= pause - {{ pause_bits }}'d1;
            if (begins & ~taken)
                open <= open + {{ room_bits }}'d1;
            else if (taken & ~begins)
                open <= open - {{ room_bits }}'d1;
            if (in_valid & (s_axis_tlast != is_last))
                misaligned <= 1'b1;
        end

    wire out_valid;
    wire [{{ output_bits - 1 }}:0] out_data;

    {{ name }} core (
        .clk       (aclk),
        .rst       (rst),
{%- if clock_enable %}
        .ce        (1'b1),
{%- endif %}
        .in_valid  (in_valid),
        .in_data   (s_axis_tdata[{{ input_bits - 1 }}:0]),
        .out_valid (out_valid),
        .out_data  (out_data)
    );

    // Answers that wait.
    reg  [{{ output_bits - 1 }}:0] answers [0:ROOM-1];
    reg  [{{ room_bits - 1 }}:0] waiting;
    reg  [{{ place_bits - 1 }}:0] put;
    reg  [{{ place_bits - 1 }}:0] get;

    localparam [{{ place_bits - 1 }}:0] LAST = {{ place_bits }}'d{{ room - 1 }};

    assign m_axis_tvalid = waiting != {{ room_bits }}'d0;
    assign m_axis_tlast  = 1'b1;
    assign m_axis_tdata  = {% if output_bytes * 8 > output_bits %}{{ "{" }}{{ output_bytes * 8 - output_bits }}'d0, answers[get]}{% else %}answers[get]{% endif %};

    always @(posedge aclk) begin
        if (out_valid)
            answers[put] <= out_data;
        if (rst) begin
            waiting <= {{ room_bits }}'d0;
            put     <= {{ place_bits }}'d0;
            get     <= {{ place_bits }}'d0;
        end else begin
            if (out_valid)
                put <= put == LAST ? {{ place_bits }}'d0 : put + {{ place_bits }}'d1;
            if (taken)
                get <= get == LAST ? {{ place_bits }}'d0 : get + {{ place_bits }}'d1;
            if (out_valid & ~taken)
                waiting <= waiting + {{ room_bits }}'d1;
            else if (taken & ~out_valid)
                waiting <= waiting - {{ room_bits }}'d1;
        end
    end
endmodule
