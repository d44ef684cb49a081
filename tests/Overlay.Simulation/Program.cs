using Overlay.Simulation;

return SimulationCommand.Run(args, Console.Out);
