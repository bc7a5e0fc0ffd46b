//! `cargo sparsehls doctor`.

use sparsehls_build::{
    Code, Error, Note, Result,
    backend::hls::csim::Compiler,
    toolchain::{self, Cancel, Program, Tool},
};

use crate::{
    args::{DoctorArgs, Requirement},
    message::{self, Message, VendorTool},
    output::{Output, wrapped},
};

const COMPILER_ENABLES: &str = "the csim: build, verify, predict, trace";

/// Prints what is installed, and requires what must be.
pub fn run(args: &DoctorArgs, output: &Output) -> Result {
    let compiler = Compiler::find(&Cancel::default());
    print_compiler(&compiler, output);
    let tools = toolchain::survey();
    for (program, tool) in &tools {
        match tool {
            Some(tool) => print_found(tool, output),
            None => print_missing(*program, output),
        }
    }
    for (variable, home) in toolchain::broken_variables() {
        output.note(Note::BrokenVariable, &format!("{variable} is set, but {} has no folder `bin`", home.display()));
    }
    args.require.iter().try_for_each(|required| require(*required, &compiler, &tools))
}

fn print_compiler(compiler: &Result<Compiler>, output: &Output) {
    match compiler {
        Ok(compiler) => {
            line(output, "c++", true, compiler.version());
            more(output, &format!("enables {COMPILER_ENABLES}"));
        }
        Err(error) => {
            line(output, "c++", false, error.message());
            more(output, &format!("enables {COMPILER_ENABLES}"));
            more(output, &format!("to get it, {}", error.help_text().unwrap_or_default()));
        }
    }
    let (version, help) = (compiler.as_ref().ok().map(Compiler::version), compiler.as_ref().err().and_then(Error::help_text));
    let found = message::Compiler::new(version, COMPILER_ENABLES, help);
    output.json(&Message::Tool(message::Tool::Compiler(found)));
}

fn print_found(tool: &Tool, output: &Output) {
    // Ctrl-C ends us and the tool, which is in our process group.
    let (program, version, broken) = (tool.program, tool.version(&Cancel::default()), tool.broken(&Cancel::default()));
    let said = version.as_deref().unwrap_or("of unknown version");
    line(output, program.name(), true, &format!("{said}, {} (from {})", tool.path.display(), tool.source));
    if let Some(why) = &broken {
        more(output, &format!("but cannot be run: {why} {}", Note::BrokenTool));
    }
    more(output, &format!("enables {}", program.enables()));
    for known in version.iter().flat_map(|version| toolchain::known(program, version)) {
        let word = if known.is_fault { "but" } else { "known:" };
        let name = if known.is_fault { format!(" {}", Note::ToolFault) } else { String::new() };
        more(output, &format!("{word} {} ({}){name}", known.what, known.source));
    }
    output.json(&Message::Tool(message::Tool::Vendor(VendorTool::found(tool, version, broken))));
}

fn print_missing(program: Program, output: &Output) {
    line(output, program.name(), false, &format!("({})", program.generation()));
    more(output, &format!("enables {}", program.enables()));
    more(output, &format!("to get it, {}", program.remedy()));
    output.json(&Message::Tool(message::Tool::Vendor(VendorTool::missing(program))));
}

fn line(output: &Output, name: &str, found: bool, text: &str) {
    let word = if found { "found  " } else { "missing" };
    output.text(&format!("{name:19} {word} {text}"));
}

/// More on the same tool.
fn more(output: &Output, text: &str) {
    output.text(&wrapped(&format!("{:20}{text}", ""), 20));
}

fn require(required: Requirement, compiler: &Result<Compiler>, tools: &[(Program, Option<Tool>)]) -> Result {
    let any: &[Program] = match required {
        Requirement::Compiler => return compiler.as_ref().map(drop).map_err(Clone::clone),
        Requirement::Vitis => &[Program::VitisRun, Program::VitisHls],
        Requirement::VitisRun => &[Program::VitisRun],
        Requirement::VitisHls => &[Program::VitisHls],
        Requirement::VivadoHls => &[Program::VivadoHls],
        Requirement::Vivado => &[Program::Vivado],
        Requirement::Verilator => &[Program::Verilator],
        Requirement::Yosys => &[Program::Yosys],
        Requirement::NextpnrEcp5 => &[Program::NextpnrEcp5, Program::YowaspNextpnrEcp5],
    };
    let found: Vec<_> = tools.iter().filter(|(program, _)| any.contains(program)).filter_map(|(_, tool)| tool.as_ref()).collect();
    let broken = |tool: &&Tool| tool.broken(&Cancel::default());
    if found.iter().any(|tool| broken(tool).is_none()) {
        return Ok(());
    }
    if let Some((tool, why)) = found.iter().find_map(|tool| Some((tool, broken(tool)?))) {
        let message = format!("{} is required, and found, but cannot be run: {why}", tool.program.name());
        let help = format!(
            "`{} {}` is to end well; its installation, or what it needs of the system, is not whole",
            tool.path.display(),
            tool.program.version_flag()
        );
        return Err(Error::new(Code::ToolMissing, message).file(&tool.path).help(help));
    }
    let names: Vec<_> = any.iter().map(|program| program.name()).collect();
    let help = any.iter().map(|program| program.remedy()).collect::<Vec<_>>().join("; or ");
    Err(Error::new(Code::ToolMissing, format!("{} is required and not found", names.join(" or "))).help(help))
}
