return await Sparekey.Server.Cli.CommandLine.Run(args);
