using Ocellus.Benchmarks;

return args switch
{
    ["host", _, ..] => await HostBench.RunAsync(args[1..]),
    ["pair", _, ..] => await PairBench.RunAsync(args[1..]),
    ["mutate", _, ..] => await MutateBench.RunAsync(args[1..]),
    ["mutate-requests", _, ..] => await MutateRequestsBench.RunAsync(args[1..]),
    ["import", _, ..] => await ImportBench.RunAsync(args[1..]),
    ["objects", ..] => await ObjectsBench.RunAsync(args[1..]),
    ["classify", ..] => ClassifyBenchmark.Run(args[1..]),
    ["decode", ..] => DecodeBenchmark.Run(args[1..]),
    ["step", ..] => StepBenchmark.Run(args[1..]),
    ["blocks", ..] => BlocksBenchmark.Run(args[1..]),
    ["own-code", ..] => OwnCodeBenchmark.Run(args[1..]),
    ["suggest", _, ..] => SuggestBenchmark.Run(args[1..]),
    ["boxes", ..] => BoxesBenchmark.Run(args[1..]),
    ["flaws", _, ..] => FlawsDrawing.Run(args[1..]),
    ["int8", _, _, ..] => Int8Benchmark.Run(args[1..]),
    ["convert", ..] => ConvertBenchmark.Run(args[1..]),
    _ => Usage(),
};

static int Usage()
{
    System.Console.Error.WriteLine("usage: Ocellus.Benchmarks host IMAGE.jpg [--seconds N] [--model FOLDER]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks pair IMAGE.jpg --model MODEL.zip [--peer URL] [--seconds N] [--turns N] [--connections N]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks mutate IMAGE [--count N] [--seed S] [--from N] [--seconds N]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks mutate-requests IMAGE [--count N] [--seed S]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks import IMAGE.jpg [--pictures N]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks objects [--keys N] [--uploads N] [--seconds N] [--program Ocellus.dll]");
    System.Console.Error.WriteLine(
        "       Ocellus.Benchmarks classify FOLDER [--seed N] [--threads N] [--seconds N] [--epochs N] [--size N] [--start-scale X] [--folds N] [--each N] "
            + "[--quick] [--input WxH] [--head average|evidence|both] [--search-only [--try WxH,WxH]]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks decode FILE [--side N] [--repeat N]");
    System.Console.Error.WriteLine(
        "       Ocellus.Benchmarks boxes FOLDER [--seed N] [--seconds N] [--epochs N] [--steps N] [--long-side N] [--batch N] [--mosaic SHARE] [--rate N] "
            + "[--backbone-rate N] [--scale-min X] [--scale-max X] [--average X] [--weight-decay X] [--warm-up STEPS] [--frozen BLOCKS] [--threads N] "
            + "[--quick] [--label NAME] [--take N] [--checkpoint FOLDER] [--save FOLDER]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks flaws FOLDER [--seed N]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks suggest FOLDER");
    System.Console.Error.WriteLine(
        "       Ocellus.Benchmarks int8 FOLDER MODEL.zip [--images N] [--bits 7|8] [--range X] [--round 0|1] [--correct 0|1] [--match 0|1] [--passes N]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks convert [--images N] [--to FORMAT]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks step [THREADS]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks blocks [THREADS]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks own-code [ROUNDS]");
    System.Console.Error.WriteLine("       Ocellus.Benchmarks own-code memory own|libtorch");
    return 2;
}
