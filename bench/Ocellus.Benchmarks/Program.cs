using Ocellus.Benchmarks;

return args switch
{
    ["boxes", ..] => BoxesBenchmark.Run(args[1..]),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Ocellus.Benchmarks boxes FOLDER [--seed N] [--seconds N] [--epochs N] [--steps N] [--long-side N] [--batch N] [--mosaic SHARE] [--rate N] [--backbone-rate N] [--threads N] [--label NAME] [--take N] [--checkpoint FOLDER] [--save FOLDER]");
    return 2;
}
