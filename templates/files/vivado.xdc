# {{ made_by }}
#
# The clock, which Vivado reads before it synthesizes. It is the whole period: what `clock-uncertainty` leaves free is for what
# Vivado adds.
create_clock -name {{ clock }} -period {{ clock_period }} [get_ports {{ clock }}]
