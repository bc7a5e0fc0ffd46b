-- {{ made_by }}
--
-- How to instantiate {{ name }} in VHDL. {{ timing }}

library ieee;
use ieee.std_logic_1164.all;

entity {{ name }}_top is
    port (
        clk       : in  std_logic;
        rst       : in  std_logic;
{%- if clock_enable %}
        ce        : in  std_logic;
{%- endif %}
        in_valid  : in  std_logic;
        in_data   : in  std_logic_vector({{ input_bits - 1 }} downto 0);
        out_valid : out std_logic;
        out_data  : out std_logic_vector({{ output_bits - 1 }} downto 0)
    );
end entity;

architecture rtl of {{ name }}_top is
    component {{ name }} is
        port (
            clk       : in  std_logic;
            rst       : in  std_logic;
{%- if clock_enable %}
            ce        : in  std_logic;
{%- endif %}
            in_valid  : in  std_logic;
            in_data   : in  std_logic_vector({{ input_bits - 1 }} downto 0);
            out_valid : out std_logic;
            out_data  : out std_logic_vector({{ output_bits - 1 }} downto 0)
        );
    end component;
begin
    {{ name }}_inst : {{ name }}
        port map (
            clk       => clk,
            rst       => rst,
{%- if clock_enable %}
            ce        => ce,
{%- endif %}
            in_valid  => in_valid,
            in_data   => in_data,
            out_valid => out_valid,
            out_data  => out_data
        );
end architecture;
