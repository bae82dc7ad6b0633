using Ocellus.Benchmarks;

return args switch
{
    ["host", _, ..] => await HostBench.RunAsync(args[1..]),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Ocellus.Benchmarks host PICTURE.jpg [--seconds N]");
    return 2;
}
