# {{ made_by }}
#
# Timing of {{ name }} by itself (out of context): the clock, and as much of it for what is around the core as for what is in it.
create_clock -name clk -period {{ clock_period }} [get_ports clk]
set_clock_uncertainty {{ uncertainty }} [get_clocks clk]
set_input_delay -clock clk {{ outside }} [get_ports {rst{% if clock_enable %} ce{% endif %} in_valid in_data[*]}]
set_output_delay -clock clk {{ outside }} [get_ports {out_valid out_data[*]}]
