using Ocellus.Benchmarks;

return args switch
{
    ["boxes", ..] => BoxesBenchmark.Run(args[1..]),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Ocellus.Benchmarks boxes FOLDER [--seed N] [--seconds N] [--steps N] [--long-side N] [--label NAME] [--take N]");
    return 2;
}
