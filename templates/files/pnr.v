// {{ made_by }}
//
// {{ name }} with few pins, to be placed and routed: its input is shifted in and its output shifted out, a bit a clock.
// Every path of {{ name }} begins and ends at a register here.

module {{ name }}_pnr (
  input clk,
  input rst,
{%- if clock_enable %}
  input ce,
{%- endif %}
  input in_valid,
  input in_bit,
  output reg out_valid,
  output out_bit
);
  reg rst_in;
{%- if clock_enable %}
  reg ce_in;
{%- endif %}
  reg valid_in;
  reg {% if input_bits > 1 %}[{{ input_bits - 1 }}:0] {% endif %}data_in;
  reg {% if output_bits > 1 %}[{{ output_bits - 1 }}:0] {% endif %}data_out;
  wire valid;
  wire {% if output_bits > 1 %}[{{ output_bits - 1 }}:0] {% endif %}data;

  {{ name }} core (
    .clk(clk),
    .rst(rst_in),
{%- if clock_enable %}
    .ce(ce_in),
{%- endif %}
    .in_valid(valid_in),
    .in_data(data_in),
    .out_valid(valid),
    .out_data(data)
  );

  always @(posedge clk) begin
    rst_in <= rst;
{%- if clock_enable %}
    ce_in <= ce;
{%- endif %}
    valid_in <= in_valid;
    data_in <= {% if input_bits > 1 %}{data_in[{{ input_bits - 2 }}:0], in_bit}{% else %}in_bit{% endif %};
    out_valid <= valid;
    data_out <= valid ? data : {% if output_bits > 1 %}{1'b0, data_out[{{ output_bits - 1 }}:1]}{% else %}1'b0{% endif %};
  end

  assign out_bit = data_out{% if output_bits > 1 %}[0]{% endif %};
endmodule
