// {{ made_by }}
//
// Feeds {{ name }}_axis with events of sim/input.hex: first with a source and a sink that never wait, then with both at
// random. Every answer must come, once, in order and as in sim/expected.hex.
//
//     iverilog -g2001 -o sim/{{ name }}_axis_tb sim/{{ name }}_axis_tb.v rtl/{{ name }}_axis.v rtl/{{ name }}.v && vvp -n sim/{{ name }}_axis_tb
//
// prints PASS or FAIL.

module {{ name }}_axis_tb;
    // How many of the events.
    parameter EVENTS = {{ bench_events }};

    localparam WORDS = {{ words }};

    reg clk;
    reg resetn;
    reg  [{{ input_bytes * 8 - 1 }}:0] in_data;
    reg  in_valid;
    wire in_ready;
    reg  in_last;
    wire [{{ output_bytes * 8 - 1 }}:0] out_data;
    wire out_valid;
    reg  out_ready;
    wire out_last;
    wire misaligned;

    reg [{{ input_bits - 1 }}:0] given    [0:{{ events * words - 1 }}];
    reg [{{ output_bits - 1 }}:0] expected [0:{{ events - 1 }}];

    integer number;
    integer word;
    integer answers;
    integer failures;
    integer seed;
    integer idle;
    reg waits;
    // What was offered and not taken must stay.
    reg offered;
    reg [{{ output_bytes * 8 - 1 }}:0] offer;

    {{ name }}_axis dut (
        .aclk          (clk),
        .aresetn       (resetn),
        .s_axis_tdata  (in_data),
        .s_axis_tvalid (in_valid),
        .s_axis_tready (in_ready),
        .s_axis_tlast  (in_last),
        .m_axis_tdata  (out_data),
        .m_axis_tvalid (out_valid),
        .m_axis_tready (out_ready),
        .m_axis_tlast  (out_last),
        .misaligned    (misaligned)
    );

    always #5 clk = ~clk;

    // The sink: at times it takes nothing for long.
    always @(negedge clk)
        if (!waits)
            out_ready = 1'b1;
        else if (idle > 0) begin
            idle      = idle - 1;
            out_ready = 1'b0;
        end else begin
            out_ready = $random(seed) % 2 == 0;
            if ($random(seed) % 64 == 0)
                idle = {{ 4 * interval + latency }};
        end

    always @(posedge clk)
        if (resetn) begin
            if (offered && !(out_valid && out_data === offer)) begin
                failures = failures + 1;
                $display("FAIL: an answer was taken back");
            end
            offered = out_valid && !out_ready;
            offer   = out_data;
            if (out_valid && out_ready) begin
                if (out_data[{{ output_bits - 1 }}:0] !== expected[answers % EVENTS] || out_last !== 1'b1) begin
                    failures = failures + 1;
                    $display("FAIL: answer %0d: %h, not %h", answers, out_data, expected[answers % EVENTS]);
                end
                answers = answers + 1;
            end
        end

    task feed;
        input integer which;
        begin
            for (word = 0; word < WORDS; word = word + 1) begin
                while (waits && $random(seed) % 4 == 0)
                    @(negedge clk);
                in_valid = 1'b1;
                in_last  = word == WORDS - 1;
                in_data  = {{ "{" }}{{ input_bytes * 8 }}{1'b1}};
                in_data[{{ input_bits - 1 }}:0] = given[which * WORDS + word];
                @(posedge clk);
                while (!in_ready)
                    @(posedge clk);
                @(negedge clk);
                in_valid = 1'b0;
                in_last  = 1'b0;
            end
        end
    endtask

    task drain;
        input integer count;
        begin
            number = 0;
            while (answers < count && number < {{ 10000 + 20 * (latency + interval) }}) begin
                @(negedge clk);
                number = number + 1;
            end
            if (answers != count) begin
                failures = failures + 1;
                $display("FAIL: %0d answers, not %0d", answers, count);
            end
        end
    endtask

    initial begin
        $readmemh("sim/input.hex", given);
        $readmemh("sim/expected.hex", expected);
        clk      = 1'b0;
        resetn   = 1'b0;
        in_valid = 1'b0;
        in_last  = 1'b0;
        answers  = 0;
        failures = 0;
        seed     = 1;
        idle     = 0;
        waits    = 1'b0;
        offered  = 1'b0;
        @(negedge clk);
        @(negedge clk);
        resetn = 1'b1;
        for (number = 0; number < EVENTS; number = number + 1)
            feed(number);
        drain(EVENTS);
        waits = 1'b1;
        for (number = 0; number < EVENTS; number = number + 1)
            feed(number);
        drain(2 * EVENTS);
        if (misaligned !== 1'b0) begin
            failures = failures + 1;
            $display("FAIL: tlast is at another word");
        end
        if (failures == 0)
            $display("PASS: %0d events twice", EVENTS);
        else
            $display("FAIL");
        $finish;
    end
endmodule
